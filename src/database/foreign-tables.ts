import { statSync } from 'node:fs'
import type BetterSqlite3 from 'better-sqlite3'
import type { QueryExecutorProvider } from 'kysely'
import { KEYS, migrations } from '../../db/migrations/index.js'
import { sql } from './kysely.js'
import type { SqliteFile } from './locate.js'

const MIGRATIONS = 'kysely_migration'
const STEPS = Object.keys(migrations)

/** Opens the file read-only, so that even its log stays as it is. Returns it, marked if it is shared. */
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

export function refuseOthers(connection: BetterSqlite3.Database): void {
  const found = foundIn(connection)
  if (isNewer(found)) throw new Error(NEWER)
  if (!STEPS.some((step) => found.steps.includes(step))) throw new Error('it is not a Gatehouse database')
}

const NEWER = 'a newer version of Gatehouse has migrated it; use that version'

function isNewer({ steps }: Found): boolean {
  return STEPS.every((step) => steps.includes(step)) && steps.length > STEPS.length
}

// Tables first: reading migrations first could miss those of a process that migrates now.
interface Found {
  tables: readonly string[]
  steps: readonly string[]
  applicationId?: unknown
}

function foundIn(connection: BetterSqlite3.Database): Found {
  const applicationId = connection.pragma('application_id', { simple: true })
  const names = 'select lower(name) from sqlite_schema'
  const tables = connection.prepare<[], string>(names).pluck().all()
  if (!tables.includes(MIGRATIONS)) return { applicationId, tables, steps: [] }
  const steps = connection.prepare<[], string>(`select name from ${MIGRATIONS}`).pluck().all()
  return { applicationId, tables, steps }
}

function hasOthers(connection: BetterSqlite3.Database): boolean {
  const names = "select name from sqlite_schema where type = 'table' and name not glob 'sqlite_*'"
  const tables = connection.prepare<[], string>(names).pluck().all()
  return tables.some((name) => !(name in KEYS || name.startsWith(MIGRATIONS)))
}

async function foundOn(db: QueryExecutorProvider, schema: string): Promise<Found> {
  const names = sql<{ name: string }>`
    select relname as name from pg_class join pg_namespace on pg_namespace.oid = relnamespace where nspname = ${schema}`
  const tables = (await names.execute(db)).rows.map(({ name }) => name)
  if (!tables.includes(MIGRATIONS)) return { tables, steps: [] }
  const ran = sql<{ name: string }>`select name from ${sql.table(`${schema}.${MIGRATIONS}`)}`
  return { tables, steps: (await ran.execute(db)).rows.map(({ name }) => name) }
}

function isForeign({ tables, steps, applicationId }: Found): boolean {
  if (steps.length > 0) return steps.some((step) => !STEPS.includes(step))
  return applicationId !== 0 || (tables.length > 0 && !tables.includes(MIGRATIONS))
}

function refuseTakenNames(found: Found, advice: string): void {
  const { tables, steps } = found
  if (isNewer(found)) throw new Error(NEWER)
  if (steps.some((step) => !STEPS.includes(step))) refuse(MIGRATIONS, advice)
  const taken = steps.length === 0 ? Object.keys(KEYS).find((name) => tables.includes(name)) : undefined
  if (taken !== undefined) refuse(taken, advice)
}

function refuse(table: string, advice: string): never {
  throw new Error(`the table ${table} belongs to another program; ${advice}`)
}
