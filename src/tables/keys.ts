import type { Db } from './schema.js'

// Shows when an old key can be removed: cookies that it encrypted cannot be counted.
export interface KeysTable {
  id: string
  noted_at: number
  /** When it was last the current key, to the minute; null if never. */
  sealed_at: number | null
}

export interface RecordedKey {
  id: string
  notedAt: number
  sealedAt: number | null
}

export async function record(db: Db, ids: readonly string[], now: number): Promise<void> {
  // Sorted, because parallel starts would deadlock otherwise.
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

export async function all(db: Db): Promise<RecordedKey[]> {
  const rows = await db.selectFrom('keys').selectAll().execute()
  return rows.map(({ id, noted_at, sealed_at }) => ({ id, notedAt: noted_at, sealedAt: sealed_at }))
}
