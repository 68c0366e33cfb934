import { isServer, skipLocked } from '../database/dialect.js'
import type { Database } from '../database/open.js'
import { statement } from '../database/statement.js'
import type { Db } from './schema.js'
import * as slugs from './slugs.js'
import * as tokens from './tokens.js'

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
  /** What the devices carry that the account knows; a new one makes strangers of them all. */
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
  /** Devices that carry the stamp and are strangers nevertheless. */
  endedDevices: readonly string[]
  /** When its owner closed the account, and when it is erased, UTC milliseconds; null while it is open. */
  closedAt: number | null
  eraseAt: number | null
  /** Since when the maintainer lets nobody in, UTC milliseconds; null if they do. */
  disabledAt: number | null
  /** In which the site writes to the user, as `ru`; null as long as it is not known. */
  language: string | null
}

/** What no two users may share. */
export interface Claims {
  nameKey: string
  slug: string
  emailKey: string
}

/** What nobody else may have for a name to be free. */
export interface NameClaims extends Pick<Claims, 'nameKey' | 'slug'> {
  /** The key of the name that it would be taken for, if that is not its own. */
  looksLike?: string
}

export interface NewUser extends Claims {
  id: string
  name: string
  email: string
  passwordHash: string
  signupForm: string
  /** When the account ends unless its address is confirmed; null if it does not. */
  confirmBy: number | null
  /** In which the site is to write to the user. */
  language?: string
  createdAt: number
}

/** The device stamp of a new account, until something makes strangers of its devices. */
export const FIRST_STAMP = ''

/** Stores a user with its slug, or answers undefined if somebody has one of its claims; the constraints decide races. */
export async function create(db: Db, user: NewUser): Promise<User | undefined> {
  const { id, name, slug, email, createdAt } = user
  const [stored] = await insert(db, { ...user, language: user.language ?? null })
  if (stored === undefined) return undefined
  if (await slugs.claim(db, { slug, userId: id, now: createdAt })) {
    return { id, name, slug, email, emailConfirmedAt: null, nextEmail: null, createdAt }
  }
  await db.deleteFrom('users').where('id', '=', id).execute()
  return undefined
}

const insert = statement((db, user: Omit<NewUser, 'language'> & { language: string | null }) =>
  db
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
      device_stamp: FIRST_STAMP,
      ended_devices: '',
      confirm_by: user.confirmBy,
      language: user.language,
      created_at: user.createdAt,
      updated_at: user.createdAt,
    })
    .onConflict((conflict) => conflict.doNothing())
    .returning('id'),
)

/** Which of the claims somebody has already; slugs and addresses count also while they are held for a former owner. */
export async function taken(
  db: Db,
  { emailKey, ...name }: Claims & NameClaims,
  now: number,
): Promise<{ name: boolean; email: boolean }> {
  return {
    name: await isNameTaken(db, name, { now }),
    email: await isEmailTaken(db, emailKey, { now }),
  }
}

/** Whether somebody other than `userId` has the name or one that it looks like, or its slug, or had that until lately. */
export async function isNameTaken(
  db: Db,
  { nameKey, slug, looksLike = nameKey }: NameClaims,
  { now, userId }: { now: number; userId?: string },
): Promise<boolean> {
  for (const key of new Set([nameKey, looksLike])) {
    const [owner] = await idByNameKey(db, { nameKey: key })
    if (owner !== undefined && owner.id !== userId) return true
  }
  return slugs.isHeld(db, slug, { now, ...(userId !== undefined && { userId }) })
}

const idByNameKey = statement((db, { nameKey }: { nameKey: string }) =>
  db.selectFrom('users').select('id').where('name_key', '=', nameKey),
)

/** Those of the claims that nobody has, in one question for all of them. */
export async function freeNames<Claim extends NameClaims>(
  db: Db,
  claims: readonly Claim[],
  now: number,
): Promise<Claim[]> {
  if (claims.length === 0) return []
  const keysOf = ({ nameKey, looksLike = nameKey }: NameClaims) => [nameKey, looksLike]
  const keys = claims.flatMap(keysOf)
  const had = await db.selectFrom('users').select('name_key').where('name_key', 'in', keys).execute()
  const held = await slugs.heldAmong(
    db,
    claims.map(({ slug }) => slug),
    now,
  )
  return claims.filter(
    (claim) => !had.some(({ name_key }) => keysOf(claim).includes(name_key)) && !held.includes(claim.slug),
  )
}

/** Whether somebody other than `userId` has the address, or may yet take it back. */
export async function isEmailTaken(
  db: Db,
  emailKey: string,
  { now, userId }: { now: number; userId?: string },
): Promise<boolean> {
  const [owner] = await idByEmailKey(db, { emailKey })
  if (owner !== undefined && owner.id !== userId) return true
  return tokens.isHeld(db, emailKey, { now, ...(userId !== undefined && { userId }) })
}

const idByEmailKey = statement((db, { emailKey }: { emailKey: string }) =>
  db.selectFrom('users').select('id').where('email_key', '=', emailKey),
)

export async function byNameKey(db: Db, nameKey: string): Promise<Account | undefined> {
  const [row] = await accountByNameKey(db, { nameKey })
  return accountOf(row)
}

const accountByNameKey = statement((db, { nameKey }: { nameKey: string }) =>
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

const accountByEmailKey = statement((db, { emailKey }: { emailKey: string }) =>
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

/** Gives a user another name; answers false if `former` is not its name any more. Throws what `isTaken` knows if somebody has it. */
export async function rename(
  db: Db,
  { id, former }: { id: string; former: string },
  { name, nameKey, slug, now }: { name: string; nameKey: string; slug: string; now: number },
): Promise<boolean> {
  return changed(
    db
      .updateTable('users')
      .set({ name, name_key: nameKey, slug, updated_at: now })
      .where('id', '=', id)
      .where('name', '=', former),
  )
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

/** In place of the key of an address that is not the user's yet: nobody can type it, for a space stands in no address. */
export function unclaimedKey(userId: string): string {
  return `unconfirmed ${userId}`
}

/** Notes that the user reads the mails of its address, which so becomes its own; answers false if that is another by now. */
export async function confirmEmail(
  db: Db,
  userId: string,
  { emailKey, email, now }: { emailKey: string; email: string; now: number },
): Promise<boolean> {
  return changed(
    db
      .updateTable('users')
      .set({ email_confirmed_at: now, email_key: emailKey, confirm_by: null, updated_at: now })
      .where('id', '=', userId)
      .where('email', '=', email),
  )
}

/** Gives the user another address that is not confirmed yet, in place of one that is not either. */
export async function correctEmail(
  db: Db,
  userId: string,
  { email, emailKey, now }: { email: string; emailKey: string; now: number },
): Promise<boolean> {
  return changed(
    db
      .updateTable('users')
      .set({ email, email_key: emailKey, updated_at: now })
      .where('id', '=', userId)
      .where('email_confirmed_at', 'is', null),
  )
}

/** Notes to which address the user wants to change; null for none. */
export async function setNextEmail(
  db: Db,
  userId: string,
  { nextEmail, now }: { nextEmail: string | null; now: number },
): Promise<boolean> {
  return changed(
    db.updateTable('users').set({ next_email: nextEmail, updated_at: now }).where('id', '=', userId),
  )
}

/** Changes to an address that its user has proved to read; with `wanted` only if it is the one that is to follow. */
export async function setEmail(
  db: Db,
  userId: string,
  {
    email,
    emailKey,
    now,
    wanted = false,
  }: { email: string; emailKey: string; now: number; wanted?: boolean },
): Promise<boolean> {
  return changed(
    db
      .updateTable('users')
      .set({
        email,
        email_key: emailKey,
        email_confirmed_at: now,
        confirm_by: null,
        next_email: null,
        updated_at: now,
      })
      .where('id', '=', userId)
      .$if(wanted, (update) => update.where('next_email', '=', email)),
  )
}

export interface NewPassword {
  /** '' for none that would open the account. */
  passwordHash: string
  /** What devices know of the account ends with the former one. */
  deviceStamp: string
  now: number
  /** Only in place of this one: of two who change it at once one is told that it was changed. */
  insteadOf?: string
}

/** Another password; answers false if the former one is not `insteadOf` any more. */
export async function setPassword(
  db: Db,
  userId: string,
  { passwordHash, deviceStamp, now, insteadOf }: NewPassword,
): Promise<boolean> {
  return changed(
    db
      .updateTable('users')
      .set({ password_hash: passwordHash, ...stamped(deviceStamp), updated_at: now })
      .where('id', '=', userId)
      .$if(insteadOf !== undefined, (update) => update.where('password_hash', '=', insteadOf ?? '')),
  )
}

/** Makes strangers of all devices that carry the former stamp. */
export async function setDeviceStamp(db: Db, userId: string, deviceStamp: string): Promise<void> {
  await db.updateTable('users').set(stamped(deviceStamp)).where('id', '=', userId).execute()
}

function stamped(deviceStamp: string): { device_stamp: string; ended_devices: string } {
  return { device_stamp: deviceStamp, ended_devices: '' }
}

/** More are not told apart: all devices of the account become strangers instead. */
const MOST_ENDED = 40

/** Makes a stranger of one device; of all of them, by `otherStamp`, if it is not known which one it is, or they are too many. */
export async function endDevice(
  db: Db,
  userId: string,
  { device, otherStamp }: { device: string; otherStamp: string },
): Promise<void> {
  if (device === '') return setDeviceStamp(db, userId, otherStamp)
  const { ended_devices } = await db
    .updateTable('users')
    .set((expression) => ({ ended_devices: expression('ended_devices', '||', `${device} `) }))
    .where('id', '=', userId)
    .returning('ended_devices')
    .executeTakeFirstOrThrow()
  if (idsIn(ended_devices).length > MOST_ENDED) await setDeviceStamp(db, userId, otherStamp)
}

function idsIn(ended: string): string[] {
  return ended.split(' ').filter(Boolean)
}

/** The same for several users, who get one stamp. */
export async function setDeviceStamps(
  db: Db,
  userIds: readonly string[],
  deviceStamp: string,
): Promise<void> {
  await db.updateTable('users').set(stamped(deviceStamp)).where('id', 'in', userIds).execute()
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

/** Closes the account, which is erased at `eraseAt`; answers false if it was closed before. */
export async function close(
  db: Db,
  userId: string,
  { now, eraseAt }: { now: number; eraseAt: number },
): Promise<boolean> {
  return changed(
    db
      .updateTable('users')
      .set({ closed_at: now, erase_at: eraseAt, updated_at: now })
      .where('id', '=', userId)
      .where('closed_at', 'is', null),
  )
}

/** Opens the account again; answers false if it was open, or is gone. */
export async function reopen(db: Db, userId: string, now: number): Promise<boolean> {
  return changed(
    db
      .updateTable('users')
      .set({ closed_at: null, erase_at: null, updated_at: now })
      .where('id', '=', userId)
      .where('closed_at', 'is not', null),
  )
}

/** Lets nobody in any more; answers false if nobody was let in before. */
export async function disable(db: Db, userId: string, now: number): Promise<boolean> {
  return changed(
    db
      .updateTable('users')
      .set({ disabled_at: now, updated_at: now })
      .where('id', '=', userId)
      .where('disabled_at', 'is', null),
  )
}

/** Lets its owner in again; answers false if they were let in before. */
export async function enable(db: Db, userId: string, now: number): Promise<boolean> {
  return changed(
    db
      .updateTable('users')
      .set({ disabled_at: null, updated_at: now })
      .where('id', '=', userId)
      .where('disabled_at', 'is not', null),
  )
}

/** Erases a user and all that is theirs, from every table; answers false if there is no such user. */
export async function erase(db: Db, userId: string): Promise<boolean> {
  const { numDeletedRows } = await db.deleteFrom('users').where('id', '=', userId).executeTakeFirst()
  return numDeletedRows > 0n
}

/** The user, whom nobody changes before the transaction ends. */
export async function lock(db: Db, id: string): Promise<User | undefined> {
  const row = await locked(db, id).executeTakeFirst()
  return row && userOf(row)
}

/** The same, if the address is this and was never confirmed. */
export async function lockUnconfirmed(db: Db, id: string, email: string): Promise<User | undefined> {
  const row = await locked(db, id)
    .where('email', '=', email)
    .where('email_confirmed_at', 'is', null)
    .executeTakeFirst()
  return row && userOf(row)
}

/** The same, if the account has ended; nobody if another node has it just now. */
export async function lockEnded(db: Db, id: string, now: number): Promise<User | undefined> {
  const row = await locked(db, id)
    .where(({ eb, or }) => or([eb('confirm_by', '<=', now), eb('erase_at', '<=', now)]))
    .$if(isServer(db), skipLocked)
    .executeTakeFirst()
  return row && userOf(row)
}

function locked(db: Db, id: string) {
  return db
    .selectFrom('users')
    .select(USER_COLUMNS)
    .where('users.id', '=', id)
    .$if(isServer(db), (user) => user.forUpdate())
}

/** Of those who closed their account, or did not confirm it, long enough ago: `batch` at most behind the first `skip`. */
export async function ended(
  db: Db,
  { now, batch, skip }: { now: number; batch: number; skip: number },
): Promise<string[]> {
  const rows = await db
    .selectFrom('users')
    .select('id')
    .where(({ eb, or }) => or([eb('confirm_by', '<=', now), eb('erase_at', '<=', now)]))
    .limit(batch)
    .offset(skip)
    .execute()
  return rows.map(({ id }) => id)
}

async function changed(update: {
  executeTakeFirst(): Promise<{ numUpdatedRows: bigint }>
}): Promise<boolean> {
  const { numUpdatedRows } = await update.executeTakeFirst()
  return numUpdatedRows > 0n
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
