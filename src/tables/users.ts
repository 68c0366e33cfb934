import type { Selectable } from 'kysely'
import type { Database } from './database.js'
import * as events from './events.js'
import type { Db } from './schema.js'
import * as slugs from './slugs.js'

export interface UsersTable {
  id: string
  /** As typed, but NFKC and trimmed. */
  name: string
  /** `name` folded: what makes two names the same, and what one logs in by. */
  name_key: string
  /** The current one of `slugs`. */
  slug: string
  /** As typed. */
  email: string
  /** `email` folded. */
  email_key: string
  /** Argon2id, as a PHC string. */
  password_hash: string
  /** SHA-256 of the filled-in form that made the user, by which its second arrival is known. */
  signup_form: string
  /** What the devices carry that the account knows; a new one makes strangers of them all. '' at first. */
  device_stamp: string
  created_at: number
  updated_at: number
}

/** A user as pages, guards and hosts see one: nothing secret. */
export interface User {
  id: string
  /** As the user typed it. */
  name: string
  /** Where the public page is: `/users/<slug>/`. */
  slug: string
  email: string
  /** UTC milliseconds. */
  createdAt: number
}

/** A user together with what only password checks and sign-up may see. */
export interface Account {
  user: User
  passwordHash: string
  signupForm: string
  deviceStamp: string
}

/** What no two users may share. */
export interface Claims {
  nameKey: string
  slug: string
  emailKey: string
}

export interface NewUser extends Claims {
  id: string
  name: string
  email: string
  passwordHash: string
  signupForm: string
  createdAt: number
}

class Taken extends Error {}

/** Stores a user with its slug, or answers false if somebody has one of its claims; the constraints decide races. */
export async function create(
  database: Database,
  user: NewUser,
  { event }: { event?: events.StoredEvent } = {},
): Promise<boolean> {
  try {
    await database.write(async (transaction) => {
      const stored =
        (await insert(transaction, user)) &&
        (await slugs.claim(transaction, { slug: user.slug, userId: user.id }))
      if (!stored) throw new Taken()
      if (event !== undefined) await events.insert(transaction, [event])
    })
    return true
  } catch (error) {
    if (error instanceof Taken) return false
    throw error
  }
}

async function insert(db: Db, user: NewUser): Promise<boolean> {
  const stored = await db
    .insertInto('users')
    .values({
      id: user.id,
      name: user.name,
      name_key: user.nameKey,
      slug: user.slug,
      email: user.email,
      email_key: user.emailKey,
      password_hash: user.passwordHash,
      signup_form: user.signupForm,
      device_stamp: '',
      created_at: user.createdAt,
      updated_at: user.createdAt,
    })
    .onConflict((conflict) => conflict.doNothing())
    .returning('id')
    .executeTakeFirst()
  return stored !== undefined
}

/** Which of the claims somebody has already; a slug counts also when it is a former one. */
export async function taken(
  db: Db,
  { nameKey, slug, emailKey }: Claims,
): Promise<{ name: boolean; email: boolean }> {
  const name = db.selectFrom('users').select('id').where('name_key', '=', nameKey)
  const email = db.selectFrom('users').select('id').where('email_key', '=', emailKey)
  const held = await Promise.all([name.executeTakeFirst(), slugs.isHeld(db, slug), email.executeTakeFirst()])
  return { name: held[0] !== undefined || held[1], email: held[2] !== undefined }
}

export async function byNameKey(db: Db, nameKey: string): Promise<Account | undefined> {
  return accountOf(
    await db.selectFrom('users').selectAll().where('name_key', '=', nameKey).executeTakeFirst(),
  )
}

export async function byId(db: Db, id: string): Promise<Account | undefined> {
  return accountOf(await db.selectFrom('users').selectAll().where('id', '=', id).executeTakeFirst())
}

export async function byEmailKey(db: Db, emailKey: string): Promise<Account | undefined> {
  return accountOf(
    await db.selectFrom('users').selectAll().where('email_key', '=', emailKey).executeTakeFirst(),
  )
}

export async function bySlug(db: Db, slug: string): Promise<User | undefined> {
  if (slug.includes('\0')) return undefined // PostgreSQL holds no such text, and will not even be asked for one
  const row = await db.selectFrom('users').selectAll().where('slug', '=', slug).executeTakeFirst()
  return accountOf(row)?.user
}

/** Replaces a hash that was made with weaker parameters, unless the password was changed in the meantime. */
export async function rehash(
  database: Database,
  userId: string,
  hashes: { old: string; new: string },
): Promise<void> {
  await database.write((transaction) =>
    transaction
      .updateTable('users')
      .set({ password_hash: hashes.new })
      .where('id', '=', userId)
      .where('password_hash', '=', hashes.old)
      .execute(),
  )
}

function accountOf(row: Selectable<UsersTable> | undefined): Account | undefined {
  if (row === undefined) return undefined
  return {
    user: userOf(row),
    passwordHash: row.password_hash,
    signupForm: row.signup_form,
    deviceStamp: row.device_stamp,
  }
}

/** The columns of a user, for the tables that join theirs. */
export const USER_COLUMNS = [
  'users.id',
  'users.name',
  'users.slug',
  'users.email',
  'users.created_at',
] as const

export function userOf(row: Pick<UsersTable, 'id' | 'name' | 'slug' | 'email' | 'created_at'>): User {
  return { id: row.id, name: row.name, slug: row.slug, email: row.email, createdAt: row.created_at }
}
