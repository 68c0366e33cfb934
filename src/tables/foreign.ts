import { statSync } from 'node:fs'
import BetterSqlite3 from 'better-sqlite3'

/**
 * Throws if the file is another program's: it holds tables, but not our migrations, or says that it is something else.
 * It is looked at without a right to write, so that even its log stays as it is.
 */
export function refuseForeign(file: string, ours: readonly string[]): void {
  if (!statSync(file, { throwIfNoEntry: false })?.size) return
  const connection = new BetterSqlite3(file, { readonly: true, fileMustExist: true })
  try {
    if (isForeign(connection, ours)) throw new Error('it belongs to another program')
  } finally {
    connection.close()
  }
}

function isForeign(connection: BetterSqlite3.Database, ours: readonly string[]): boolean {
  if (connection.pragma('application_id', { simple: true }) !== 0) return true
  const tables = connection.prepare<[], string>('select name from sqlite_schema').pluck().all()
  if (!tables.includes('kysely_migration')) return tables.length > 0
  const steps = connection.prepare<[], string>('select name from kysely_migration').pluck().all()
  return steps.some((step) => !ours.includes(step))
}
