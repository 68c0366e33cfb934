import type { Db } from './schema.js'

// Lets an import run again.
export interface ImportsTable {
  /** Source and id there: `django:42`. */
  id: string
  /** Null once the user is deleted: a second run must not bring them back. */
  user_id: string | null
  imported_at: number
}

export interface Import {
  id: string
  importedAt: number
}

export async function knownAmong(db: Db, ids: readonly string[]): Promise<Set<string>> {
  if (ids.length === 0) return new Set()
  const rows = await db.selectFrom('imports').select('id').where('id', 'in', ids).execute()
  return new Set(rows.map(({ id }) => id))
}

export interface NewImport {
  id: string
  userId: string
  now: number
}

/** Throws (see `isTaken`) if one of them was imported before. */
export async function insertAll(db: Db, imported: readonly NewImport[]): Promise<void> {
  if (imported.length === 0) return
  await db
    .insertInto('imports')
    .values(imported.map(({ id, userId, now }) => ({ id, user_id: userId, imported_at: now })))
    .execute()
}

export async function ofUser(db: Db, userId: string): Promise<Import[]> {
  const rows = await db
    .selectFrom('imports')
    .selectAll()
    .where('user_id', '=', userId)
    .orderBy('id')
    .execute()
  return rows.map((row) => ({ id: row.id, importedAt: row.imported_at }))
}
