import type { Db } from './schema.js'

/** Users whom a command has erased, until the host is told. */
export interface ErasuresTable {
  /** That the user had. */
  id: string
  erased_by: string
  at: number
}

export interface ErasureTold {
  userId: string
  by: string
  /** UTC milliseconds. */
  at: number
}

export async function note(db: Db, { userId, by, at }: ErasureTold): Promise<void> {
  await db.insertInto('erasures').values({ id: userId, erased_by: by, at }).execute()
}

/** Those that nobody has taken yet, `batch` at most; each is returned once. */
export async function take(db: Db, batch: number): Promise<ErasureTold[]> {
  const rows = await db
    .deleteFrom('erasures')
    .where('id', 'in', (erasures) => erasures.selectFrom('erasures').select('id').limit(batch))
    .returningAll()
    .execute()
  return rows.map(({ id, erased_by, at }) => ({ userId: id, by: erased_by, at }))
}
