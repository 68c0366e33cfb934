import { statSync } from 'node:fs'
import type BetterSqlite3 from 'better-sqlite3'
import type { QueryExecutorProvider } from 'kysely'
import { KEYS, migrations } from '../../db/migrations/index.js'
import { sql } from './kysely.js'
import type { SqliteFile } from './locate.js'

const MIGRATIONS = 'kysely_migration'
const OURS = Object.keys(migrations)

/** Opens the file read-only, so that even its log stays unchanged. */
export function refuseForeign(file: SqliteFile): SqliteFile {
  if (!statSync(file.path, { throwIfNoEntry: false })?.size) return file
  const connection = file.open(file.path, { readonly: true, fileMustExist: true })
  try {
    const found = foundIn(connection)
    if (file.isShared) refuseTakenNames(found, 'give Gatehouse its own file')
    else if (isForeign(found)) throw new Error(isNewer(found) ? NEWER : 'it belongs to another program')
    return { ...file, isShared: file.isShared || hasOthers(connection) }
  } finally {
    connection.close()
  }
}

export async function refuseTaken(db: QueryExecutorProvider, schema: string): Promise<void> {
  refuseTakenNames(await foundOn(db, schema), 'give Gatehouse its own schema')
}

/** Not by Kysely's migrator, which reads all columns of all tables first. */
export async function missing(db: QueryExecutorProvider, schema?: string): Promise<string[]> {
  const { applied } = await foundOn(db, schema)
  return OURS.filter((name) => !applied.includes(name))
}

export function refuseOthers(connection: BetterSqlite3.Database): void {
  const found = foundIn(connection)
  if (isNewer(found)) throw new Error(NEWER)
  if (!OURS.some((name) => found.applied.includes(name))) throw new Error('it is not a Gatehouse database')
}

const NEWER = 'a newer version of Gatehouse has migrated it; use that version'

function isNewer({ applied }: Found): boolean {
  return OURS.every((name) => applied.includes(name)) && applied.length > OURS.length
}

// Tables are read first, because another process may be migrating.
interface Found {
  tables: readonly string[]
  applied: readonly string[]
  applicationId?: unknown
}

function foundIn(connection: BetterSqlite3.Database): Found {
  const applicationId = connection.pragma('application_id', { simple: true })
  const names = 'select lower(name) from sqlite_schema'
  const tables = connection.prepare<[], string>(names).pluck().all()
  if (!tables.includes(MIGRATIONS)) return { applicationId, tables, applied: [] }
  const applied = connection.prepare<[], string>(`select name from ${MIGRATIONS}`).pluck().all()
  return { applicationId, tables, applied }
}

function hasOthers(connection: BetterSqlite3.Database): boolean {
  const names = "select name from sqlite_schema where type = 'table' and name not glob 'sqlite_*'"
  const tables = connection.prepare<[], string>(names).pluck().all()
  return tables.some((name) => !(name in KEYS || name.startsWith(MIGRATIONS)))
}

async function foundOn(db: QueryExecutorProvider, schema?: string): Promise<Found> {
  const names =
    schema === undefined
      ? sql<{ name: string }>`select name from sqlite_schema`
      : sql<{ name: string }>`
          select relname as name from pg_class join pg_namespace on pg_namespace.oid = relnamespace where nspname = ${schema}`
  const tables = (await names.execute(db)).rows.map(({ name }) => name)
  if (!tables.includes(MIGRATIONS)) return { tables, applied: [] }
  const table = schema === undefined ? sql.id(MIGRATIONS) : sql.id(schema, MIGRATIONS)
  const ran = await sql<{ name: string }>`select name from ${table}`.execute(db)
  return { tables, applied: ran.rows.map(({ name }) => name) }
}

function isForeign({ tables, applied, applicationId }: Found): boolean {
  if (applied.length > 0) return applied.some((name) => !OURS.includes(name))
  return applicationId !== 0 || (tables.length > 0 && !tables.includes(MIGRATIONS))
}

function refuseTakenNames(found: Found, remedy: string): void {
  const { tables, applied } = found
  if (isNewer(found)) throw new Error(NEWER)
  if (applied.some((name) => !OURS.includes(name))) refuse(MIGRATIONS, remedy)
  const taken = applied.length === 0 ? Object.keys(KEYS).find((name) => tables.includes(name)) : undefined
  if (taken !== undefined) refuse(taken, remedy)
}

function refuse(table: string, remedy: string): never {
  throw new Error(`the table ${table} belongs to another program; ${remedy}`)
}
