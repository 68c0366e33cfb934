import { dirname } from 'node:path'
import type { Kysely, QueryExecutorProvider } from 'kysely'
import { migrations } from '../../db/migrations/index.js'
import { errorText } from '../base/error-text.js'
import { missing, refuseForeign, refuseTaken } from './foreign-tables.js'
import { Migrator, sql } from './kysely.js'
import { locate, type ServerSettings, type SqliteFile } from './locate.js'
import type { DatabaseLocation } from './location.js'
import { hasOwnSessions } from './own-sessions.js'
import { isReadOnly } from './private-files.js'
import { openSqlite, START_WAIT, translateErrors } from './sqlite.js'
import { DatabaseUnavailable, withRetries } from './unavailable.js'

export function migrateDatabase(location: DatabaseLocation): Promise<string[]> {
  return withDatabase(location, migrate)
}

export function missingMigrations(location: DatabaseLocation): Promise<string[]> {
  return withDatabase(location, missing)
}

export type Work<Schema, Result> = (
  db: Kysely<Schema>,
  schema?: string,
  server?: ServerSettings,
) => Promise<Result>

export function withDatabase<Schema, Result>(
  location: DatabaseLocation,
  work: Work<Schema, Result>,
): Promise<Result> {
  const located = locate(location)
  return located.kind === 'file' ? withFile(located.file, work) : withServer(located.server, work)
}

export async function withServer<Schema, Result>(
  server: ServerSettings,
  work: Work<Schema, Result>,
): Promise<Result> {
  try {
    return await withRetries(() => useServer(server, work), START_WAIT)
  } catch (error) {
    throw cannotOpen(`Cannot use the database server ${server.name}`, error)
  }
}

async function useServer<Schema, Result>(
  server: ServerSettings,
  work: Work<Schema, Result>,
): Promise<Result> {
  const { openForLongQueries } = await postgres()
  const db = openForLongQueries<Schema>(server)
  try {
    const isPooled = server.isPooled || !(await hasOwnSessions(db))
    if (isPooled) refuseStartOptions(server)
    const schema = server.schema ?? (await currentSchema(db))
    await refuseTaken(db, schema)
    return await work(db, schema, { ...server, isPooled })
  } finally {
    await db.destroy()
  }
}

// A pooler refuses them, or drops them without an error (PgBouncer, ignore_startup_parameters).
function refuseStartOptions({ connection }: ServerSettings): void {
  const { connectionString = '', options } = connection
  if (options === undefined && !/[?&]options=/.test(connectionString)) return
  throw new Error(
    'a pooler in transaction mode loses the options of its address. Set the search path with the option database.schema or alter role',
  )
}

export function postgres() {
  return import('./postgres.js')
}

// Without a name, Kysely takes migrations in another schema for ours.
async function currentSchema(db: QueryExecutorProvider): Promise<string> {
  const { rows } = await sql<{ schema: string | null }>`select current_schema() as schema`.execute(db)
  const schema = rows[0]?.schema
  if (typeof schema === 'string') return schema
  throw new Error('its search path names no schema; set one, and it is created if it does not exist')
}

async function withFile<Schema, Result>(file: SqliteFile, work: Work<Schema, Result>): Promise<Result> {
  try {
    const ours = await ourFile(file)
    const db = await withRetries(async () => openSqlite<Schema>(ours, { durability: 'power' }), START_WAIT)
    return await withRetries(() => work(db), START_WAIT).finally(() => db.destroy())
  } catch (error) {
    throw cannotOpenFile(file, error)
  }
}

export function ourFile(file: SqliteFile): Promise<SqliteFile> {
  return withRetries(async () => translateErrors(() => refuseForeign(file)), START_WAIT)
}

// SQLite creates the log of an idle file even for reading (sqlite.org, "Read-Only Databases").
export function cannotOpenFile({ name, path }: SqliteFile, error: unknown): Error {
  const what = `Cannot open the database ${name}`
  if (!isReadOnly(dirname(path))) return cannotOpen(what, error)
  return cannotOpen(`${what}, because its folder is not writable. SQLite needs that even to read`, error)
}

function cannotOpen(what: string, error: unknown): Error {
  const cause = error instanceof DatabaseUnavailable ? error.cause : error
  return new Error(`${what}: ${errorText(cause).replace(/\.$/, '')}.`, { cause: error })
}

export async function migrate<Schema>(db: Kysely<Schema>, schema?: string): Promise<string[]> {
  // The migration lock writes, which fails on a full disk or a standby.
  if (await isCurrent(db, schema)) return []
  const named = schema === undefined ? {} : { migrationTableSchema: schema }
  const migrator = new Migrator({ db, provider: { getMigrations: async () => migrations }, ...named })
  const { error, results = [] } = await migrator.migrateToLatest()
  if (error !== undefined) throw error
  return results.map(({ migrationName }) => migrationName)
}

export async function isCurrent<Schema>(db: Kysely<Schema>, schema: string | undefined): Promise<boolean> {
  return (await missing(db, schema)).length === 0
}
