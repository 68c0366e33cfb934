import type { Db } from './schema.js'

/**
 * The keys that sites have had in their rings, by ids that tell nothing of them: what a key has sealed lies in browsers, too,
 * so that nobody could count it, but when it was sealed at the latest can be known.
 */
export interface KeysTable {
  id: string
  /** When it was first seen in a ring, UTC milliseconds. */
  noted_at: number
  /** When it was last the one that seals, give or take a minute; null if it never was. */
  sealed_at: number | null
}

/** A key as it was seen. Times are UTC milliseconds. */
export interface NotedKey {
  id: string
  notedAt: number
  sealedAt: number | null
}

/** Notes the keys of a ring, of which the first one seals now. */
export async function note(db: Db, ids: readonly string[], now: number): Promise<void> {
  // In one order for all, or two processes that begin at once would wait for each other (PostgreSQL).
  const rows = [...ids].sort().map((id) => ({ id, noted_at: now, sealed_at: null }))
  await db
    .insertInto('keys')
    .values(rows)
    .onConflict((conflict) => conflict.column('id').doNothing())
    .execute()
  await db
    .updateTable('keys')
    .set({ sealed_at: now })
    .where('id', '=', ids[0] ?? '')
    .where(({ eb, or }) => or([eb('sealed_at', 'is', null), eb('sealed_at', '<', now)]))
    .execute()
}

export async function all(db: Db): Promise<NotedKey[]> {
  const rows = await db.selectFrom('keys').selectAll().execute()
  return rows.map(({ id, noted_at, sealed_at }) => ({ id, notedAt: noted_at, sealedAt: sealed_at }))
}
