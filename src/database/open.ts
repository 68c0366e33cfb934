import type { Kysely, QueryExecutorProvider } from 'kysely'
import { sql } from './kysely.js'
import { type DatabaseLocation, locate, type ServerSettings, type SqliteFile } from './locate.js'
import { aloneOnServer, cannotOpenFile, isCurrent, migrate, ourFile, postgres } from './migrate.js'
import { openSqlite, START_WAIT } from './sqlite.js'
import { SqliteLog } from './sqlite-wal.js'
import { DatabaseUnavailable, forgiveUnavailable, type OnRetry, retried } from './unavailable.js'

/** The database and its two ways in. */
export interface Database<Schema> {
  /** For what is read. */
  main: Kysely<Schema>
  /** For what may get lost with the power (last seen): cheap, and never waits long for a lock. */
  loose: Kysely<Schema>
  /**
   * For everything that must last: what was answered is on the disk. Does `work` in a transaction, again and again while
   * others are in its way: what it does must be harmless to be done twice, but for its own statements, which are rolled
   * back. It awaits nothing but these.
   */
  write<Result>(work: (transaction: Kysely<Schema>) => Promise<Result>): Promise<Result>
  /** Does `work`, one statement, on `loose`, again and again while another process holds the lock. */
  note<Result>(work: (loose: Kysely<Schema>) => Promise<Result>): Promise<Result>
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
export async function openDatabase<Schema>(
  location: DatabaseLocation,
  { onRetry, workers = 1 }: OpenOptions = {},
): Promise<Database<Schema>> {
  const { main, loose, writer, log, schema } = await opened<Schema>(location, { onRetry, workers })
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
async function emptyLog(db: QueryExecutorProvider): Promise<void> {
  await retried(() => checkpoint(db), CHECKPOINT_WAIT).catch(forgiveUnavailable)
}

async function checkpoint(db: QueryExecutorProvider): Promise<void> {
  const { rows } = await sql<{ busy: number }>`pragma wal_checkpoint(truncate)`.execute(db)
  if (rows[0]?.busy === 1) {
    throw new DatabaseUnavailable({ soon: true, cause: new Error('others use the log of the database') })
  }
}

interface Handles<Schema> {
  main: Kysely<Schema>
  loose: Kysely<Schema>
  /** For transactions: on a server, those that wait for a lock must not take the connections of those who read. */
  writer: Kysely<Schema>
  /** Where what `writer` commits is on the disk only with it. */
  log?: SqliteLog | undefined
  /** On a server, the schema with our tables. */
  schema?: string
}

async function opened<Schema>(location: DatabaseLocation, options: OpenOptions): Promise<Handles<Schema>> {
  const located = locate(location)
  return located.kind === 'file' ? openedFile(located.file) : openedServer(located.server, options)
}

async function openedServer<Schema>(server: ServerSettings, options: OpenOptions): Promise<Handles<Schema>> {
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

async function openedFile<Schema>(file: SqliteFile): Promise<Handles<Schema>> {
  try {
    const ours = await ourFile(file)
    const main = await retried(() => openMigrated<Schema>(ours), START_WAIT)
    const loose = await retried(async () => openSqlite<Schema>(ours, { lasts: 'process' }), START_WAIT)
    // Kysely closes nothing that was never used.
    await loose.connection().execute(async () => {})
    return { main, writer: main, loose, log: await logOf(main) }
  } catch (error) {
    throw cannotOpenFile(file, error)
  }
}

/** The log of the file; undefined if it has none: then each commit waits for the disk. */
async function logOf(db: QueryExecutorProvider): Promise<SqliteLog | undefined> {
  const mode = await sql<{ journal_mode: string }>`pragma journal_mode`.execute(db)
  if (mode.rows[0]?.journal_mode !== 'wal') return undefined
  // As SQLite itself calls the file: it follows links.
  const name = await sql<{ file: string }>`select file from pragma_database_list where name = 'main'`.execute(
    db,
  )
  return new SqliteLog(name.rows[0]?.file ?? '')
}

async function openMigrated<Schema>(file: SqliteFile): Promise<Kysely<Schema>> {
  const main = openSqlite<Schema>(file, { lasts: 'with log' })
  try {
    await migrate(main)
    return main
  } catch (error) {
    await main.destroy()
    throw error
  }
}

function refuseUnavailable(error: unknown): false {
  forgiveUnavailable(error)
  return false
}
