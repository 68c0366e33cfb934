import { changed } from '../database/statement.js'
import type { Db } from './schema.js'

export interface RecoverySetsTable {
  user_id: string
  /** Includes the costs. One salt for all codes, so that an attempt costs one hash. */
  salt: string
  made_at: number
}

export interface RecoveryCodesTable {
  tag: string
  user_id: string
  used_at: number | null
}

export interface RecoverySet {
  salt: string
  tags: readonly string[]
}

export async function replace(
  db: Db,
  userId: string,
  { salt, tags, now }: RecoverySet & { now: number },
): Promise<void> {
  await remove(db, userId)
  await db.insertInto('recovery_sets').values({ user_id: userId, salt, made_at: now }).execute()
  await db
    .insertInto('recovery_codes')
    .values(tags.map((tag) => ({ tag, user_id: userId, used_at: null })))
    .execute()
}

export async function remove(db: Db, userId: string): Promise<void> {
  await db.deleteFrom('recovery_codes').where('user_id', '=', userId).execute()
  await db.deleteFrom('recovery_sets').where('user_id', '=', userId).execute()
}

export async function saltOf(db: Db, userId: string): Promise<string | undefined> {
  const set = await db
    .selectFrom('recovery_sets')
    .select('salt')
    .where('user_id', '=', userId)
    .executeTakeFirst()
  return set?.salt
}

export async function isLeft(db: Db, userId: string, tag: string): Promise<boolean> {
  const code = await db
    .selectFrom('recovery_codes')
    .select('tag')
    .where('user_id', '=', userId)
    .where('tag', '=', tag)
    .where('used_at', 'is', null)
    .executeTakeFirst()
  return code !== undefined
}

export async function spend(
  db: Db,
  userId: string,
  { tag, now }: { tag: string; now: number },
): Promise<boolean> {
  return changed(
    db
      .updateTable('recovery_codes')
      .set({ used_at: now })
      .where('user_id', '=', userId)
      .where('tag', '=', tag)
      .where('used_at', 'is', null),
  )
}

export interface RecoveryCount {
  left: number
  all: number
  madeAt: number
}

export async function countOf(db: Db, userId: string): Promise<RecoveryCount | undefined> {
  const row = await db
    .selectFrom('recovery_sets')
    .innerJoin('recovery_codes', 'recovery_codes.user_id', 'recovery_sets.user_id')
    .select(({ fn }) => ['made_at', fn.countAll<number>().as('all'), fn.count<number>('used_at').as('used')])
    .where('recovery_sets.user_id', '=', userId)
    .groupBy('made_at')
    .executeTakeFirst()
  return row && { left: row.all - row.used, all: row.all, madeAt: row.made_at }
}

export async function setsOf(db: Db, userId: string): Promise<{ madeAt: number }[]> {
  const rows = await db.selectFrom('recovery_sets').select('made_at').where('user_id', '=', userId).execute()
  return rows.map((row) => ({ madeAt: row.made_at }))
}

export async function usesOf(db: Db, userId: string): Promise<{ usedAt: number | null }[]> {
  const rows = await db.selectFrom('recovery_codes').select('used_at').where('user_id', '=', userId).execute()
  return rows.map((row) => ({ usedAt: row.used_at }))
}
