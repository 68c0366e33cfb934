import type { Db } from './schema.js'

export interface ErasuresTable {
  id: string
  erased_by: string
  at: number
}

export interface Erasure {
  userId: string
  by: string
  at: number
}

export async function insert(db: Db, { userId, by, at }: Erasure): Promise<void> {
  await db.insertInto('erasures').values({ id: userId, erased_by: by, at }).execute()
}

/** Deletes and returns up to `batch` rows, so that each is reported once. */
export async function take(db: Db, batch: number): Promise<Erasure[]> {
  const rows = await db
    .deleteFrom('erasures')
    .where('id', 'in', (erasures) => erasures.selectFrom('erasures').select('id').limit(batch))
    .returningAll()
    .execute()
  return rows.map(({ id, erased_by, at }) => ({ userId: id, by: erased_by, at }))
}
