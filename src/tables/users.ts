import { isServer } from '../database/dialect.js'
import { statement } from '../database/statement.js'
import type { Db } from './schema.js'

export * from './users-claims.js'
export * from './users-email.js'
export * from './users-password.js'
export * from './users-state.js'

export interface UsersTable {
  id: string
  /** As typed, but composed (NFC) and trimmed. */
  name: string
  /** `name` in its compatible form (NFKC), folded: what makes two names the same, and what one logs in by. */
  name_key: string
  /** The current one of `slugs`. */
  slug: string
  /** As typed. */
  email: string
  /** `email` folded, its domain by IDNA; something that nobody can type where the address is not the user's alone. */
  email_key: string
  /** Argon2id, as a PHC string; '' if there is none that would open the account. */
  password_hash: string
  /** SHA-256 of the filled-in form that made the user, by which its second arrival is known. */
  signup_form: string
  /** What known devices carry; with a new one none is known. */
  device_stamp: string
  /** Ids of devices that were logged out since the stamp was made, each with a space behind it. */
  ended_devices: string
  /** When its owner proved to read the mails of `email`; null if not yet. */
  email_confirmed_at: number | null
  /** When the account ends unless `email` is confirmed; null if it does not. */
  confirm_by: number | null
  /** The address that `email` is to become once it is confirmed, as typed. */
  next_email: string | null
  /** When its owner closed the account, and when it is erased; null while it is open. */
  closed_at: number | null
  erase_at: number | null
  /** Since when the maintainer lets nobody in; null if they do. */
  disabled_at: number | null
  /** In which the site writes to the user, as `ru`; null as long as it is not known. */
  language: string | null
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
  /** When the user proved to read the mails of `email`, UTC milliseconds; null if not yet. */
  emailConfirmedAt: number | null
  /** The address that is to take the place of `email` once it is confirmed. */
  nextEmail: string | null
  /** UTC milliseconds. */
  createdAt: number
}

/** A user together with what only password checks and sign-up may see. */
export interface Account {
  user: User
  passwordHash: string
  signupForm: string
  deviceStamp: string
  /** Devices that carry the stamp, but were logged out since. */
  endedDevices: readonly string[]
  /** When its owner closed the account, and when it is erased, UTC milliseconds; null while it is open. */
  closedAt: number | null
  eraseAt: number | null
  /** Since when the maintainer lets nobody in, UTC milliseconds; null if they do. */
  disabledAt: number | null
  /** In which the site writes to the user, as `ru`; null as long as it is not known. */
  language: string | null
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

/** The user's account as it stands; nobody else changes it until the end of the transaction. */
export async function held(transaction: Db, id: string): Promise<Account | undefined> {
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

/** Whose user name or e-mail this is, folded: only an e-mail has an @ in it. */
export function byLogin(db: Db, key: string): Promise<Account | undefined> {
  return key.includes('@') ? byEmailKey(db, key) : byNameKey(db, key)
}

/** The user with this slug, or who had it until lately; nobody if the account is closed or disabled. */
export async function bySlug(db: Db, slug: string, now: number): Promise<User | undefined> {
  if (slug.includes('\0')) return undefined // PostgreSQL holds no such text, and will not even be asked for one
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

/** All that is stored of a user, but for secrets and what is made of the rest for comparing. */
export interface StoredUser extends User {
  /** When the account ends unless `email` is confirmed; null if it does not. */
  confirmBy: number | null
  updatedAt: number
  closedAt: number | null
  eraseAt: number | null
  disabledAt: number | null
  language: string | null
}

export async function stored(db: Db, id: string): Promise<StoredUser | undefined> {
  const row = await db
    .selectFrom('users')
    .select(USER_COLUMNS)
    .select(['confirm_by', 'updated_at', 'closed_at', 'erase_at', 'disabled_at', 'language'])
    .where('id', '=', id)
    .executeTakeFirst()
  return (
    row && {
      ...userOf(row),
      confirmBy: row.confirm_by,
      updatedAt: row.updated_at,
      closedAt: row.closed_at,
      eraseAt: row.erase_at,
      disabledAt: row.disabled_at,
      language: row.language,
    }
  )
}

export function idsIn(ended: string): string[] {
  return ended.split(' ').filter(Boolean)
}

/** The first `batch` ids behind `id`, in their order; '' stands before all. */
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

/** Notes in which language the site writes to the user from now on. */
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
  }
}

/** The columns of a user, for the tables that join theirs. */
export const USER_COLUMNS = [
  'users.id',
  'users.name',
  'users.slug',
  'users.email',
  'users.email_confirmed_at',
  'users.next_email',
  'users.created_at',
] as const

type UserRow = Pick<
  UsersTable,
  'id' | 'name' | 'slug' | 'email' | 'email_confirmed_at' | 'next_email' | 'created_at'
>

export function userOf(row: UserRow): User {
  return {
    id: row.id,
    name: row.name,
    slug: row.slug,
    email: row.email,
    emailConfirmedAt: row.email_confirmed_at,
    nextEmail: row.next_email,
    createdAt: row.created_at,
  }
}
