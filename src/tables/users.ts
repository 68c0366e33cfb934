import { isServer } from '../database/dialect.js'
import { statement } from '../database/statement.js'
import type { Db } from './schema.js'

export * from './users-claims.js'
export * from './users-email.js'
export * from './users-password.js'
export * from './users-roles.js'
export * from './users-state.js'
export * from './users-stored.js'

export interface UsersTable {
  id: string
  name: string
  name_key: string
  slug: string
  /** '' if the account has none. */
  email: string
  /** Folded, with an IDNA domain. Not typeable while the address is not the user's alone, or if there is none. */
  email_key: string
  /** Argon2id as a PHC string; '' if no password opens the account. */
  password_hash: string
  /** Fingerprint, to recognize a second submission. */
  signup_form: string
  /** Carried by known devices. A new stamp forgets them all. */
  device_stamp: string
  /** Ids of devices logged out since the stamp was made, each followed by a space. */
  ended_devices: string
  email_confirmed_at: number | null
  confirm_by: number | null
  next_email: string | null
  closed_at: number | null
  erase_at: number | null
  disabled_at: number | null
  second_step_at: number | null
  second_ends_at: number | null
  password_at: number | null
  email_at: number | null
  /** Sorted, separated by spaces. */
  roles: string
  language: string | null
  created_at: number
  updated_at: number
}

/** A user without secrets, as pages, guards and the app see it. */
export interface User {
  id: string
  name: string
  /** The public page is `/users/<slug>/`. */
  slug: string
  /** Null if the account has none; see the option `emails`. */
  email: string | null
  /** UTC milliseconds; null if not confirmed. */
  emailConfirmedAt: number | null
  /** The address that replaces `email` once it is confirmed. */
  nextEmail: string | null
  /** When two-step verification was turned on, in UTC milliseconds; null if it is off. */
  secondStepAt: number | null
  /** From when it can be turned off without a code, in UTC milliseconds; null if nobody asked for that by email. */
  secondEndsAt: number | null
  /** Sorted, such as `admin`; see `requireRole`. */
  roles: readonly string[]
  /** UTC milliseconds. */
  createdAt: number
}

export interface Account {
  user: User
  passwordHash: string
  signupForm: string
  deviceStamp: string
  endedDevices: readonly string[]
  closedAt: number | null
  eraseAt: number | null
  disabledAt: number | null
  language: string | null
  passwordAt: number | null
  emailAt: number | null
}

export async function byNameKey(db: Db, nameKey: string): Promise<Account | undefined> {
  const [row] = await accountByNameKey(db, { nameKey })
  return accountOf(row)
}

const accountByNameKey = statement((db: Db, { nameKey }: { nameKey: string }) =>
  accounts(db).where('name_key', '=', nameKey),
)

export async function byId(db: Db, id: string): Promise<Account | undefined> {
  return accountOf(await accounts(db).where('id', '=', id).executeTakeFirst())
}

/** Locks the user until the end of the transaction. Every transaction does so first if it then changes other rows of the
 * user: in another order, two would wait for each other. `keepAnAdmin` locks several, so it comes before. */
export async function lock(transaction: Db, id: string): Promise<void> {
  // SQLite has one lock for all.
  if (!isServer(transaction)) return
  await transaction.selectFrom('users').select('id').where('id', '=', id).forNoKeyUpdate().execute()
}

/** Locks the account until the end of the transaction. */
export async function lockAccount(transaction: Db, id: string): Promise<Account | undefined> {
  const row = accounts(transaction)
    .where('id', '=', id)
    .$if(isServer(transaction), (user) => user.forNoKeyUpdate())
  return accountOf(await row.executeTakeFirst())
}

export async function byEmailKey(db: Db, emailKey: string): Promise<Account | undefined> {
  const [row] = await accountByEmailKey(db, { emailKey })
  return accountOf(row)
}

const accountByEmailKey = statement((db: Db, { emailKey }: { emailKey: string }) =>
  accounts(db).where('email_key', '=', emailKey),
)

// Only an email address contains @.
export function byLogin(db: Db, key: string): Promise<Account | undefined> {
  return key.includes('@') ? byEmailKey(db, key) : byNameKey(db, key)
}

export async function bySlug(db: Db, slug: string, now: number): Promise<User | undefined> {
  if (slug.includes('\0')) return undefined // PostgreSQL rejects such text
  const row = await db
    .selectFrom('slugs')
    .innerJoin('users', 'users.id', 'slugs.user_id')
    .select(USER_COLUMNS)
    .where('slugs.slug', '=', slug)
    .where(({ eb, or }) => or([eb('until', 'is', null), eb('until', '>', now)]))
    .where('closed_at', 'is', null)
    .where('disabled_at', 'is', null)
    .executeTakeFirst()
  return row && userOf(row)
}

export function idsIn(ended: string): string[] {
  return ended.split(' ').filter(Boolean)
}

export async function idsAfter(db: Db, id: string, batch: number): Promise<string[]> {
  const rows = await db
    .selectFrom('users')
    .select('id')
    .where('id', '>', id)
    .orderBy('id')
    .limit(batch)
    .execute()
  return rows.map((row) => row.id)
}

export async function setLanguage(db: Db, userId: string, language: string): Promise<void> {
  await db.updateTable('users').set({ language }).where('id', '=', userId).execute()
}

const ACCOUNT_COLUMNS = [
  'password_hash',
  'signup_form',
  'device_stamp',
  'ended_devices',
  'closed_at',
  'erase_at',
  'disabled_at',
  'language',
  'password_at',
  'email_at',
] as const

function accounts(db: Db) {
  return db.selectFrom('users').select(USER_COLUMNS).select(ACCOUNT_COLUMNS)
}

type AccountRow = UserRow & Pick<UsersTable, (typeof ACCOUNT_COLUMNS)[number]>

function accountOf(row: AccountRow | undefined): Account | undefined {
  if (row === undefined) return undefined
  return {
    user: userOf(row),
    passwordHash: row.password_hash,
    signupForm: row.signup_form,
    deviceStamp: row.device_stamp,
    endedDevices: idsIn(row.ended_devices),
    closedAt: row.closed_at,
    eraseAt: row.erase_at,
    disabledAt: row.disabled_at,
    language: row.language,
    passwordAt: row.password_at,
    emailAt: row.email_at,
  }
}

export const USER_COLUMNS = [
  'users.id',
  'users.name',
  'users.slug',
  'users.email',
  'users.email_confirmed_at',
  'users.next_email',
  'users.second_step_at',
  'users.second_ends_at',
  'users.roles',
  'users.created_at',
] as const

type UserRow = Pick<
  UsersTable,
  | 'id'
  | 'name'
  | 'slug'
  | 'email'
  | 'email_confirmed_at'
  | 'next_email'
  | 'second_step_at'
  | 'second_ends_at'
  | 'roles'
  | 'created_at'
>

export function userOf(row: UserRow): User {
  return {
    id: row.id,
    name: row.name,
    slug: row.slug,
    email: row.email || null,
    emailConfirmedAt: row.email_confirmed_at,
    nextEmail: row.next_email,
    secondStepAt: row.second_step_at,
    secondEndsAt: row.second_ends_at,
    roles: rolesIn(row.roles),
    createdAt: row.created_at,
  }
}

// Frozen, because the app gets a copy of the user that shares them.
function rolesIn(roles: string): readonly string[] {
  return Object.freeze(roles.split(' ').filter(Boolean))
}
