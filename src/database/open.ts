import { dirname } from 'node:path'
import type * as kysely from 'kysely'
import type { Kysely } from 'kysely'
import { migrations } from '../../db/migrations/index.js'
import type { Db, Schema } from '../tables/schema.js'
import { refuseForeign, refuseTaken } from './foreign-tables.js'
import { Migrator, sql } from './kysely.js'
import { locate } from './locate.js'
import type { DatabaseLocation } from './location.js'
import type { ServerSettings } from './postgres.js'
import { isReadOnly } from './private-files.js'
import { openSqlite, type SqliteFile, START_WAIT, translated } from './sqlite.js'
import { SqliteLog } from './sqlite-wal.js'
import { DatabaseUnavailable, forgiveUnavailable, type OnRetry, retried } from './unavailable.js'

/** The database and its two ways in. */
export interface Database {
  /** For what is read. */
  main: Db
  /** For what may get lost with the power (last seen): cheap, and never waits long for a lock. */
  loose: Db
  /**
   * For everything that must last: what was answered is on the disk. Does `work` in a transaction, again and again while
   * others are in its way: what it does must be harmless to be done twice, but for its own statements, which are rolled
   * back. It awaits nothing but these.
   */
  write<Result>(work: (transaction: Db) => Promise<Result>): Promise<Result>
  /** Does `work`, one statement, on `loose`, again and again while another process holds the lock. */
  note<Result>(work: (loose: Db) => Promise<Result>): Promise<Result>
  /** Whether it answers and has every migration. */
  ready(): Promise<boolean>
  close(): Promise<void>
}

// Longer than a backup's or a maintainer's usual lock, shorter than a visitor's patience.
const WRITE_WAIT = 4_000
const CHECKPOINT_WAIT = 1_000

export interface OpenOptions {
  /** Told of what is done again because others were in the way. */
  onRetry?: OnRetry | undefined
  /** How many processes of this machine share the connections to a server; 1 by default. */
  workers?: number
}

/**
 * Opens the database and brings it up to date; several processes may do so at once. Throws a sentence that names what is
 * wrong with it, and never a password.
 */
export async function openDatabase(
  location: DatabaseLocation,
  { onRetry, workers = 1 }: OpenOptions = {},
): Promise<Database> {
  const { main, loose, writer, log, schema } = await opened(location, { onRetry, workers })
  return {
    main,
    loose,
    async write(work) {
      const result = await retried(() => writer.transaction().execute(work), WRITE_WAIT, onRetry)
      await log?.toDisk()
      return result
    },
    note: (work) => retried(() => work(loose), WRITE_WAIT, onRetry),
    ready: () => isCurrent(main, schema).catch(refuseUnavailable),
    async close() {
      await log?.close()
      if (schema === undefined) await emptyLog(main)
      for (const handle of new Set([loose, writer, main])) await handle.destroy()
    },
  }
}

/**
 * Brings what is in SQLite's log into the file. The last one that closes the file would do so, but of processes that end
 * together none is the last: each waits a moment for the others, and the end waits for nobody longer.
 */
async function emptyLog(db: Db): Promise<void> {
  await retried(() => checkpoint(db), CHECKPOINT_WAIT).catch(forgiveUnavailable)
}

async function checkpoint(db: Db): Promise<void> {
  const { rows } = await sql<{ busy: number }>`pragma wal_checkpoint(truncate)`.execute(db)
  if (rows[0]?.busy === 1) {
    throw new DatabaseUnavailable({ soon: true, cause: new Error('others use the log of the database') })
  }
}

/** Brings the database up to date, as `openDatabase` does, and answers which steps had been missing. */
export function migrateDatabase(location: DatabaseLocation): Promise<string[]> {
  return alone(location, migrate)
}

/** The steps that the database lacks; none is done. Throws as `openDatabase` does. */
export function missingSteps(location: DatabaseLocation): Promise<string[]> {
  return alone(location, missing)
}

/** What is done with a database, and on a server with the schema of our tables. */
export type Work<Result> = (db: Kysely<Schema>, schema?: string) => Promise<Result>

/** Does `work` on a handle of its own, as long as that takes. */
export function alone<Result>(location: DatabaseLocation, work: Work<Result>): Promise<Result> {
  const located = locate(location)
  return located.kind === 'file' ? aloneOnFile(located.file, work) : aloneOnServer(located.server, work)
}

async function aloneOnServer<Result>(server: ServerSettings, work: Work<Result>): Promise<Result> {
  try {
    return await retried(() => usedServer(server, work), START_WAIT)
  } catch (error) {
    throw cannotOpen(`The database server ${server.name} cannot be used`, error)
  }
}

async function usedServer<Result>(server: ServerSettings, work: Work<Result>): Promise<Result> {
  const { openPatient } = await postgres()
  const patient = openPatient<Schema>(server)
  try {
    const schema = server.schema ?? (await currentSchema(patient))
    await refuseTaken(patient, schema, Object.keys(migrations))
    return await work(patient, schema)
  } finally {
    await patient.destroy()
  }
}

/** Loaded only by those who have such a server. */
function postgres() {
  return import('./postgres.js')
}

// Named to Kysely in every case: it would take the migrations of another schema for ours.
async function currentSchema(db: Kysely<Schema>): Promise<string> {
  const { rows } = await sql<{ schema: string | null }>`select current_schema() as schema`.execute(db)
  const schema = rows[0]?.schema
  if (typeof schema === 'string') return schema
  throw new Error('its search path leads to no schema: give the name of one, which is made if need be')
}

async function aloneOnFile<Result>(file: SqliteFile, work: Work<Result>): Promise<Result> {
  try {
    const db = await openOurs(file)
    return await retried(() => work(db), START_WAIT).finally(() => db.destroy())
  } catch (error) {
    throw cannotOpenFile(file, error)
  }
}

interface Handles {
  main: Kysely<Schema>
  loose: Kysely<Schema>
  /** For transactions: on a server, those that wait for a lock must not take the connections of those who read. */
  writer: Kysely<Schema>
  /** Where what `writer` commits is on the disk only with it. */
  log?: SqliteLog | undefined
  /** On a server, the schema with our tables. */
  schema?: string
}

async function opened(location: DatabaseLocation, options: OpenOptions): Promise<Handles> {
  const located = locate(location)
  return located.kind === 'file' ? openedFile(located.file) : openedServer(located.server, options)
}

async function openedServer(server: ServerSettings, options: OpenOptions): Promise<Handles> {
  const schema = await aloneOnServer(server, async (db, name = '') => {
    await migrate(db, name)
    return name
  })
  const { openPostgres } = await postgres()
  return {
    main: openPostgres(server, { durable: true, ...options }),
    loose: openPostgres(server, { durable: false, ...options }),
    writer: openPostgres(server, { durable: true, ...options }),
    schema,
  }
}

async function openedFile(file: SqliteFile): Promise<Handles> {
  try {
    const steps = Object.keys(migrations)
    const ours = await retried(async () => translated(() => refuseForeign(file, steps)), START_WAIT)
    const main = await retried(() => openMigrated(ours), START_WAIT)
    const loose = await retried(async () => openSqlite<Schema>(ours, { lasts: 'process' }), START_WAIT)
    // Kysely closes nothing that was never used.
    await loose.connection().execute(async () => {})
    return { main, writer: main, loose, log: await logOf(main) }
  } catch (error) {
    throw cannotOpenFile(file, error)
  }
}

/** The log of the file; undefined if it has none: then each commit waits for the disk. */
async function logOf(db: Db): Promise<SqliteLog | undefined> {
  const mode = await sql<{ journal_mode: string }>`pragma journal_mode`.execute(db)
  if (mode.rows[0]?.journal_mode !== 'wal') return undefined
  // As SQLite itself calls the file: it follows links.
  const name = await sql<{ file: string }>`select file from pragma_database_list where name = 'main'`.execute(
    db,
  )
  return new SqliteLog(name.rows[0]?.file ?? '')
}

// A file that nobody uses has no log beside it, and SQLite makes one also to read (sqlite.org, "Read-Only Databases").
function cannotOpenFile({ name, path }: SqliteFile, error: unknown): Error {
  const what = `The database ${name} cannot be opened`
  if (!isReadOnly(dirname(path))) return cannotOpen(what, error)
  return cannotOpen(
    `${what}, for its folder cannot be written, as SQLite has to also where it only reads`,
    error,
  )
}

function cannotOpen(what: string, error: unknown): Error {
  const cause = error instanceof DatabaseUnavailable ? error.cause : error
  return new Error(`${what}: ${cause instanceof Error ? cause.message : cause}.`, { cause: error })
}

async function openMigrated(file: SqliteFile): Promise<Kysely<Schema>> {
  const main = openSqlite<Schema>(file, { lasts: 'with log' })
  try {
    await migrate(main)
    return main
  } catch (error) {
    await main.destroy()
    throw error
  }
}

async function openOurs(file: SqliteFile): Promise<Kysely<Schema>> {
  const steps = Object.keys(migrations)
  const ours = await retried(async () => translated(() => refuseForeign(file, steps)), START_WAIT)
  return retried(async () => openSqlite<Schema>(ours, { lasts: 'power' }), START_WAIT)
}

function migrator(db: Kysely<Schema>, schema: string | undefined): kysely.Migrator {
  const named = schema === undefined ? {} : { migrationTableSchema: schema }
  return new Migrator({ db, provider: { getMigrations: async () => migrations }, ...named })
}

/** Does the steps that are missing, and answers their names. */
async function migrate(db: Kysely<Schema>, schema?: string): Promise<string[]> {
  // The lock writes, and most starts have nothing to do: on a full disk or a standby they shall show pages all the same.
  if (await isCurrent(db, schema)) return []
  const { error, results = [] } = await migrator(db, schema).migrateToLatest()
  if (error !== undefined) throw error
  return results.map(({ migrationName }) => migrationName)
}

/** The steps that are missing. */
export async function missing(db: Kysely<Schema>, schema?: string): Promise<string[]> {
  const states = await migrator(db, schema).getMigrations()
  return states.filter(({ executedAt }) => executedAt === undefined).map(({ name }) => name)
}

async function isCurrent(db: Kysely<Schema>, schema: string | undefined): Promise<boolean> {
  return (await missing(db, schema)).length === 0
}

function refuseUnavailable(error: unknown): false {
  forgiveUnavailable(error)
  return false
}
