import { changed, statement } from '../database/statement.js'
import type { Db } from './schema.js'
import * as slugs from './slugs.js'
import * as tokens from './tokens.js'
import type { User } from './users.js'

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

/** The device stamp of a new account. */
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

const insert = statement((db: Db, user: Omit<NewUser, 'language'> & { language: string | null }) =>
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

const idByNameKey = statement((db: Db, { nameKey }: { nameKey: string }) =>
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

const idByEmailKey = statement((db: Db, { emailKey }: { emailKey: string }) =>
  db.selectFrom('users').select('id').where('email_key', '=', emailKey),
)

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
