import { changed, statement } from '../database/statement.js'
import type { Db } from './schema.js'
import * as slugs from './slugs.js'
import * as tokens from './tokens.js'
import type { User } from './users.js'

export interface Claims {
  nameKey: string
  slug: string
  emailKey: string
}

export interface NameClaims extends Pick<Claims, 'nameKey' | 'slug'> {
  /** Key of the username that it could be mistaken for, if it is another one. */
  looksLike?: string
}

export interface NewUser extends Claims {
  id: string
  name: string
  email: string | null
  passwordHash: string
  signupForm: string
  confirmBy: number | null
  language?: string
  createdAt: number
}

export const FIRST_STAMP = ''

/** Returns undefined if a claim is taken. The constraints decide races. */
export async function create(db: Db, user: NewUser): Promise<User | undefined> {
  const { id, name, slug, email, createdAt } = user
  const values = { ...user, email: email ?? '', language: user.language ?? null }
  const [stored] = await insert(db, values)
  if (stored === undefined) return undefined
  if (await slugs.claim(db, { slug, userId: id, now: createdAt })) {
    return { id, name, slug, email, ...NEW, createdAt }
  }
  await db.deleteFrom('users').where('id', '=', id).execute()
  return undefined
}

const NEW = {
  emailConfirmedAt: null,
  nextEmail: null,
  secondStepAt: null,
  secondEndsAt: null,
  roles: Object.freeze([]),
}

type InsertedUser = Omit<NewUser, 'email' | 'language'> & { email: string; language: string | null }

const insert = statement((db: Db, user: InsertedUser) =>
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
      roles: '',
      confirm_by: user.confirmBy,
      language: user.language,
      created_at: user.createdAt,
      updated_at: user.createdAt,
    })
    .onConflict((conflict) => conflict.doNothing())
    .returning('id'),
)

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

/** Returns false if `former` is not the current name. Throws (see `isTaken`) if the name is taken. */
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
