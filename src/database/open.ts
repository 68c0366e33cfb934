import type { Kysely, QueryExecutorProvider } from 'kysely'
import { sql } from './kysely.js'
import { locate, type ServerSettings, type SqliteFile } from './locate.js'
import type { DatabaseLocation } from './location.js'
import { cannotOpenFile, isCurrent, migrate, ourFile, postgres, withServer } from './migrate.js'
import { openSqlite, START_WAIT } from './sqlite.js'
import { canFlush, SqliteWal } from './sqlite-wal.js'
import { DatabaseUnavailable, ignoreUnavailable, type OnRetry, withRetries } from './unavailable.js'

export interface Database<Schema> {
  main: Kysely<Schema>
  /** For writes that a power cut may lose (last seen). Never waits long for a lock. */
  loose: Kysely<Schema>
  /** Runs `work` in a durable transaction, and again after a conflict. `work` awaits only its own statements
   * and has no other side effects. */
  write<Result>(work: (transaction: Kysely<Schema>) => Promise<Result>): Promise<Result>
  /** Runs one statement on `loose`, again while another process holds the lock. */
  writeLoose<Result>(work: (loose: Kysely<Schema>) => Promise<Result>): Promise<Result>
  ready(): Promise<boolean>
  close(): Promise<void>
}

const WRITE_WAIT = 4_000
const CHECKPOINT_WAIT = 1_000

export interface OpenOptions {
  onRetry?: OnRetry | undefined
  workers?: number
}

export async function openDatabase<Schema>(
  location: DatabaseLocation,
  { onRetry, workers = 1 }: OpenOptions = {},
): Promise<Database<Schema>> {
  const { main, loose, writer, log, schema } = await openHandles<Schema>(location, { onRetry, workers })
  return {
    main,
    loose,
    async write(work) {
      const result = await withRetries(() => writer.transaction().execute(work), WRITE_WAIT, onRetry)
      await log?.toDisk()
      return result
    },
    writeLoose: (work) => withRetries(() => work(loose), WRITE_WAIT, onRetry),
    ready: () => isCurrent(main, schema).catch(refuseUnavailable),
    async close() {
      await log?.close()
      if (schema === undefined) await emptyLog(main)
      for (const handle of new Set([loose, writer, main])) await handle.destroy()
    },
  }
}

// SQLite does this on the last close, but processes that end together have no last one.
async function emptyLog(db: QueryExecutorProvider): Promise<void> {
  await withRetries(() => checkpoint(db), CHECKPOINT_WAIT).catch(ignoreUnavailable)
}

async function checkpoint(db: QueryExecutorProvider): Promise<void> {
  const { rows } = await sql<{ busy: number }>`pragma wal_checkpoint(truncate)`.execute(db)
  if (rows[0]?.busy === 1) {
    throw new DatabaseUnavailable({ soon: true, cause: new Error('others are using the write-ahead log') })
  }
}

interface Handles<Schema> {
  main: Kysely<Schema>
  loose: Kysely<Schema>
  /** Separate, because transactions that wait for locks must not take the connections of readers. */
  writer: Kysely<Schema>
  log?: SqliteWal | undefined
  schema?: string
}

async function openHandles<Schema>(
  location: DatabaseLocation,
  options: OpenOptions,
): Promise<Handles<Schema>> {
  const located = locate(location)
  return located.kind === 'file' ? openFile(located.file) : openServer(located.server, options)
}

async function openServer<Schema>(server: ServerSettings, options: OpenOptions): Promise<Handles<Schema>> {
  const { schema, found } = await withServer(server, async (db, name = '', settings = server) => {
    await migrate(db, name)
    return { schema: name, found: settings }
  })
  const { openPostgres } = await postgres()
  return {
    main: openPostgres(found, { durable: true, ...options }),
    loose: openPostgres(found, { durable: false, ...options }),
    writer: openPostgres(found, { durable: true, ...options }),
    schema,
  }
}

async function openFile<Schema>(file: SqliteFile): Promise<Handles<Schema>> {
  try {
    const ours = await ourFile(file)
    const main = await withRetries(() => openMigrated<Schema>(ours), START_WAIT)
    const loose = await withRetries(
      async () => openSqlite<Schema>(ours, { durability: 'process' }),
      START_WAIT,
    )
    // Kysely does not close a database that was never used.
    await loose.connection().execute(async () => {})
    return { main, writer: main, loose, log: await logOf(main) }
  } catch (error) {
    throw cannotOpenFile(file, error)
  }
}

async function logOf(db: QueryExecutorProvider): Promise<SqliteWal | undefined> {
  if (!canFlush()) return undefined
  const mode = await sql<{ journal_mode: string }>`pragma journal_mode`.execute(db)
  if (mode.rows[0]?.journal_mode !== 'wal') return undefined
  const name = await sql<{ file: string }>`select file from pragma_database_list where name = 'main'`.execute(
    db,
  )
  return new SqliteWal(name.rows[0]?.file ?? '')
}

async function openMigrated<Schema>(file: SqliteFile): Promise<Kysely<Schema>> {
  const main = openSqlite<Schema>(file, { durability: canFlush() ? 'with log' : 'power' })
  try {
    await migrate(main)
    return main
  } catch (error) {
    await main.destroy()
    throw error
  }
}

function refuseUnavailable(error: unknown): false {
  ignoreUnavailable(error)
  return false
}
