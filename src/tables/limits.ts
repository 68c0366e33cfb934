import { type SweepSize, sweepRows } from '../database/sweep.js'
import type { Db } from './schema.js'

export interface LimitsTable {
  /** HMAC of limit and owner, because the table must hold no usernames or addresses. */
  key: string
  count: number
  resets_at: number
}

export interface Counter {
  key: string
  count: number
  resetsAt: number
}

export async function running(db: Db, keys: readonly string[], now: number): Promise<Counter[]> {
  const rows = await db
    .selectFrom('limits')
    .selectAll()
    .where('key', 'in', keys)
    .where('resets_at', '>', now)
    .execute()
  return rows.map(counterOf)
}

/** Increments in one statement, so parallel requests cannot exceed a limit. `resetsAt` is for counters that start now. */
export async function count(
  db: Db,
  begun: readonly { key: string; resetsAt: number }[],
  now: number,
): Promise<Counter[]> {
  const rows = await db
    .insertInto('limits')
    .values(inOrder(begun).map(({ key, resetsAt }) => ({ key, count: 1, resets_at: resetsAt })))
    .onConflict((conflict) =>
      conflict.column('key').doUpdateSet(({ eb, ref }) => {
        const ended = eb('limits.resets_at', '<=', now)
        return {
          count: eb
            .case()
            .when(ended)
            .then(1)
            .else(eb('limits.count', '+', 1))
            .end(),
          resets_at: eb
            .case()
            .when(ended)
            .then(ref('excluded.resets_at'))
            .else(ref('limits.resets_at'))
            .end(),
        }
      }),
    )
    .returningAll()
    .execute()
  return rows.map(counterOf)
}

// Locking rows in different orders would deadlock.
function inOrder<Keyed extends { key: string }>(list: readonly Keyed[]): Keyed[] {
  return [...list].sort((one, other) => (one.key < other.key ? -1 : 1))
}

export async function giveBack(db: Db, keys: readonly string[], times: number): Promise<void> {
  await db
    .updateTable('limits')
    .set(({ eb }) => ({
      count: eb
        .case()
        .when('count', '>', times)
        .then(eb('count', '-', times))
        .else(0)
        .end(),
    }))
    .where('key', 'in', keys)
    .execute()
}

export async function clear(db: Db, keys: readonly string[]): Promise<void> {
  await db.deleteFrom('limits').where('key', 'in', keys).execute()
}

export function sweep(db: Db, { now, ...size }: SweepSize & { now: number }): Promise<number> {
  const ended = db.selectFrom('limits').select('key').where('resets_at', '<=', now)
  return sweepRows(db, 'limits', ended, size)
}

function counterOf(row: LimitsTable): Counter {
  return { key: row.key, count: row.count, resetsAt: row.resets_at }
}
