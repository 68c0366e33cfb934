import { sql } from '../database/kysely.js'
import { changed } from '../database/statement.js'
import type { Db } from './schema.js'

export interface AuthenticatorAppsTable {
  user_id: string
  secret: string
  /** Of the last used code, in 30 seconds since 1970 (RFC 6238 4.2). Codes up to this step no longer work. */
  last_step: number
  created_at: number
  used_at: number | null
}

const KEY_PREFIX = sql<string>`substr(secret, 1, 5)`

export interface AuthenticatorApp {
  secret: string
  lastStep: number
  createdAt: number
  usedAt: number | null
}

export async function ofUser(db: Db, userId: string): Promise<AuthenticatorApp | undefined> {
  return (await allOf(db, userId))[0]
}

export async function allOf(db: Db, userId: string): Promise<AuthenticatorApp[]> {
  const rows = await db
    .selectFrom('authenticator_apps')
    .select(['secret', 'last_step', 'created_at', 'used_at'])
    .where('user_id', '=', userId)
    .execute()
  return rows.map((row) => ({
    secret: row.secret,
    lastStep: row.last_step,
    createdAt: row.created_at,
    usedAt: row.used_at,
  }))
}

export interface NewApp {
  secret: string
  step: number
  now: number
}

export async function add(db: Db, userId: string, app: NewApp): Promise<void> {
  await db
    .insertInto('authenticator_apps')
    .values({ user_id: userId, ...rowOf(app) })
    .execute()
}

export async function replace(
  db: Db,
  userId: string,
  { insteadOf, ...app }: NewApp & { insteadOf: string },
): Promise<boolean> {
  return changed(
    db
      .updateTable('authenticator_apps')
      .set(rowOf(app))
      .where('user_id', '=', userId)
      .where('secret', '=', insteadOf),
  )
}

function rowOf({ secret, step, now }: NewApp) {
  return { secret, last_step: step, created_at: now, used_at: null }
}

/** Returns false if the code of this step, or of a later one, was used already. */
export async function spend(
  db: Db,
  userId: string,
  { step, now }: { step: number; now: number },
): Promise<boolean> {
  return changed(
    db
      .updateTable('authenticator_apps')
      .set({ last_step: step, used_at: now })
      .where('user_id', '=', userId)
      .where('last_step', '<', step),
  )
}

export async function remove(db: Db, userId: string): Promise<void> {
  await db.deleteFrom('authenticator_apps').where('user_id', '=', userId).execute()
}

export async function ofKeys(
  db: Db,
  prefixes: readonly string[],
  { batch, skip }: { batch: number; skip: number },
): Promise<{ userId: string; secret: string }[]> {
  const rows = await db
    .selectFrom('authenticator_apps')
    .select(['user_id', 'secret'])
    .where(KEY_PREFIX, 'in', prefixes)
    .orderBy('user_id')
    .limit(batch)
    .offset(skip)
    .execute()
  return rows.map((row) => ({ userId: row.user_id, secret: row.secret }))
}

export async function countOfKey(db: Db, prefix: string): Promise<number> {
  const { count } = await db
    .selectFrom('authenticator_apps')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where(KEY_PREFIX, '=', prefix)
    .executeTakeFirstOrThrow()
  return count
}

export async function countOfOtherKeys(db: Db, prefixes: readonly string[]): Promise<number> {
  const { count } = await db
    .selectFrom('authenticator_apps')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where(KEY_PREFIX, 'not in', prefixes)
    .executeTakeFirstOrThrow()
  return count
}

/** Skips a secret that was replaced meanwhile. */
export async function reencrypt(
  db: Db,
  userId: string,
  secrets: { old: string; new: string },
): Promise<boolean> {
  return changed(
    db
      .updateTable('authenticator_apps')
      .set({ secret: secrets.new })
      .where('user_id', '=', userId)
      .where('secret', '=', secrets.old),
  )
}
