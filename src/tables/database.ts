import { type Kysely, Migrator } from 'kysely'
import { migrations } from '../../db/migrations/index.js'
import { refuseForeign } from './foreign.js'
import { isPostgresUrl, openPatient, openPostgres, serverOf } from './postgres.js'
import type { Db, Schema } from './schema.js'
import { openSqlite, START_WAIT, translated } from './sqlite.js'
import { DatabaseUnavailable, retried } from './unavailable.js'

/** The database and its two ways in. */
export interface Database {
  /** For everything that must last: a write that was answered is on the disk. */
  main: Db
  /** For what may get lost with the power (last seen): cheap, and never waits long for a lock. */
  loose: Db
  /** Does `work` in a transaction, again and again while others are in its way. It awaits nothing but its own statements. */
  write<Result>(work: (transaction: Db) => Promise<Result>): Promise<Result>
  /** Does `work`, one statement, on `loose`, again and again while another process holds the lock. */
  note<Result>(work: (loose: Db) => Promise<Result>): Promise<Result>
  /** Whether it answers and has every migration. */
  ready(): Promise<boolean>
  close(): Promise<void>
}

// Longer than a backup's or a maintainer's usual lock, shorter than a visitor's patience.
const WRITE_WAIT = 4_000

/**
 * Opens the database of `url` (`sqlite:<path>` or `postgres://…`) and brings it up to date; several processes may do so
 * at once. Throws a sentence that names what is wrong with it, and never a password.
 */
export async function openDatabase(url: string): Promise<Database> {
  const { main, loose, writer } = await opened(url)
  return {
    main,
    loose,
    write: (work) => retried(() => writer.transaction().execute(work), WRITE_WAIT),
    note: (work) => retried(() => work(loose), WRITE_WAIT),
    ready: () => isCurrent(main).catch(refuseUnavailable),
    async close() {
      for (const handle of new Set([loose, writer, main])) await handle.destroy()
    },
  }
}

/** Brings the database of `url` up to date, as `openDatabase` does, and answers which steps had been missing. */
export function migrateDatabase(url: string): Promise<string[]> {
  return alone(url, migrate)
}

/** The steps that the database of `url` lacks; none is done. Throws as `openDatabase` does. */
export function missingSteps(url: string): Promise<string[]> {
  return alone(url, missing)
}

/** Does `work` on a handle of its own, as long as that takes. */
function alone<Result>(url: string, work: (db: Kysely<Schema>) => Promise<Result>): Promise<Result> {
  if (isPostgresUrl(url)) return aloneOnServer(url, work)
  return aloneOnFile(fileOf(url), work)
}

async function aloneOnServer<Result>(
  url: string,
  work: (db: Kysely<Schema>) => Promise<Result>,
): Promise<Result> {
  try {
    return await retried(() => used(openPatient<Schema>(url), work), START_WAIT)
  } catch (error) {
    throw cannotOpen(`The database server ${serverOf(url)} (DATABASE_URL) cannot be used`, error)
  }
}

async function aloneOnFile<Result>(
  file: string,
  work: (db: Kysely<Schema>) => Promise<Result>,
): Promise<Result> {
  try {
    return await retried(async () => used(openOurs(file), work), START_WAIT)
  } catch (error) {
    throw cannotOpen(`The database ${file} (DATABASE_URL) cannot be opened`, error)
  }
}

async function used<Result>(
  db: Kysely<Schema>,
  work: (db: Kysely<Schema>) => Promise<Result>,
): Promise<Result> {
  try {
    return await work(db)
  } finally {
    await db.destroy()
  }
}

interface Handles {
  main: Kysely<Schema>
  loose: Kysely<Schema>
  /** For transactions: on a server, those that wait for a lock must not take the connections of those who read. */
  writer: Kysely<Schema>
}

function opened(url: string): Promise<Handles> {
  if (isPostgresUrl(url)) return openedServer(url)
  return openedFile(fileOf(url))
}

async function openedServer(url: string): Promise<Handles> {
  await aloneOnServer(url, migrate)
  return {
    main: openPostgres(url, { durable: true }),
    loose: openPostgres(url, { durable: false }),
    writer: openPostgres(url, { durable: true }),
  }
}

async function openedFile(file: string): Promise<Handles> {
  try {
    const main = await retried(() => openMigrated(file), START_WAIT)
    return {
      main,
      writer: main,
      loose: await retried(async () => openSqlite<Schema>(file, { durable: false }), START_WAIT),
    }
  } catch (error) {
    throw cannotOpen(`The database ${file} (DATABASE_URL) cannot be opened`, error)
  }
}

function cannotOpen(what: string, error: unknown): Error {
  const cause = error instanceof DatabaseUnavailable ? error.cause : error
  return new Error(`${what}: ${cause instanceof Error ? cause.message : cause}.`, { cause: error })
}

async function openMigrated(file: string): Promise<Kysely<Schema>> {
  const main = openOurs(file)
  try {
    await migrate(main)
    return main
  } catch (error) {
    await main.destroy()
    throw error
  }
}

function openOurs(file: string): Kysely<Schema> {
  translated(() => refuseForeign(file, Object.keys(migrations)))
  return openSqlite<Schema>(file, { durable: true })
}

function fileOf(url: string): string {
  if (url.startsWith('sqlite:')) return url.slice('sqlite:'.length)
  throw new Error('The database address has to be sqlite:<path> or postgres://….')
}

function migrator(db: Kysely<Schema>): Migrator {
  return new Migrator({ db, provider: { getMigrations: async () => migrations } })
}

/** Does the steps that are missing, and answers their names. */
async function migrate(db: Kysely<Schema>): Promise<string[]> {
  const { error, results = [] } = await migrator(db).migrateToLatest()
  if (error !== undefined) throw error
  return results.map(({ migrationName }) => migrationName)
}

async function missing(db: Kysely<Schema>): Promise<string[]> {
  const states = await migrator(db).getMigrations()
  return states.filter(({ executedAt }) => executedAt === undefined).map(({ name }) => name)
}

async function isCurrent(db: Kysely<Schema>): Promise<boolean> {
  return (await missing(db)).length === 0
}

function refuseUnavailable(error: unknown): false {
  if (error instanceof DatabaseUnavailable) return false
  throw error
}
