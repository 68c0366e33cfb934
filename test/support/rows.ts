import type { Database, Db, Schema } from '../../src/tables/schema.js'
import { type NewSession, open } from '../../src/tables/sessions.js'
import { create, type NewUser } from '../../src/tables/users.js'

export const NOW = Date.UTC(2026, 0, 1)

/** Returns a user for `users.create`, derived from the name. */
export function newUser(name: string, changes: Partial<NewUser> = {}): NewUser {
  const key = name.toLowerCase()
  return {
    id: `id of ${name}`,
    name,
    nameKey: key,
    slug: key,
    email: `${name}@example.com`,
    emailKey: `${key}@example.com`,
    passwordHash: 'hash',
    signupForm: 'form',
    confirmBy: null,
    createdAt: NOW,
    ...changes,
  }
}

export function createUser({ write }: Database, user: NewUser): Promise<boolean> {
  return write(async (transaction) => (await create(transaction, user)) !== undefined)
}

/** Opens a session for a user of `createUser`. */
export function openSession({ write }: Database, session: NewSession): Promise<boolean> {
  return write(async (transaction) => (await open(transaction, session, { deviceStamp: '' })) !== undefined)
}

/** Returns a session for `sessions.open`. */
export function newSession(
  tokenHash: string,
  userId: string,
  { expiresAt }: { expiresAt: number },
): NewSession {
  const loginForm = `form of ${tokenHash}`
  const id = `id of ${tokenHash}`
  return {
    id,
    tokenHash,
    userId,
    kept: false,
    loginForm,
    device: '',
    userAgent: '',
    address: '',
    methods: 'password',
    secondAt: null,
    now: NOW,
    expiresAt,
  }
}

export async function count(db: Db, table: keyof Schema): Promise<number> {
  const row = await db
    .selectFrom(table)
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .executeTakeFirst()
  return row?.count ?? -1
}
