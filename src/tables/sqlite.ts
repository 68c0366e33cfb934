import { dirname } from 'node:path'
import BetterSqlite3 from 'better-sqlite3'
import { type Driver, Kysely, SqliteAdapter, SqliteDialect, type SqliteStatement } from 'kysely'
import { makeFolder, makePrivate } from './private-files.js'
import { DatabaseUnavailable, retried } from './unavailable.js'

// better-sqlite3 waits for a lock inside the event loop, where nobody else is served: `retried` waits outside of it.
const BUSY_TIMEOUT = 0
/** How long a start waits for another process that opens or migrates the same file, in milliseconds. */
export const START_WAIT = 60_000
const MAX_STATEMENTS = 500

/**
 * Opens a SQLite file and makes it, and its folder, if need be: readable by its owner alone. `durable` says whether a
 * write that was answered survives a power cut; writes that may get lost (last seen) are twenty times cheaper without.
 */
export function openSqlite<Schema>(file: string, { durable }: { durable: boolean }): Kysely<Schema> {
  makeFolder(dirname(file))
  makePrivate(file)
  const connection = new BetterSqlite3(file, { timeout: BUSY_TIMEOUT })
  try {
    translated(() => setPragmas(connection, { durable }))
  } catch (error) {
    connection.close()
    throw error
  }
  return new Kysely({ dialect: new LockingSqliteDialect(connection, file) })
}

// A file that is WAL already opens with NORMAL, a fresh one with FULL: always said, never left to chance.
function setPragmas(connection: BetterSqlite3.Database, { durable }: { durable: boolean }): void {
  connection.pragma('journal_mode = WAL')
  connection.pragma(`synchronous = ${durable ? 'FULL' : 'NORMAL'}`)
  connection.pragma('foreign_keys = ON')
}

/** Kysely's dialect, with transactional migrations, which SQLite can, and a lock between processes that migrate. */
class LockingSqliteDialect extends SqliteDialect {
  readonly #connection: BetterSqlite3.Database
  readonly #file: string

  constructor(connection: BetterSqlite3.Database, file: string) {
    super({ database: { prepare: rememberStatements(connection), close: () => connection.close() } })
    this.#connection = connection
    this.#file = file
  }

  // A full disk makes SQLite roll back by itself; a second rollback would fail, and hide what had happened.
  override createDriver(): Driver {
    const driver = super.createDriver()
    const rollback = driver.rollbackTransaction.bind(driver)
    driver.rollbackTransaction = async (connection) => {
      if (this.#connection.inTransaction) await rollback(connection)
    }
    return driver
  }

  override createAdapter(): SqliteAdapter {
    return new LockingSqliteAdapter(`${this.#file}-migrating`)
  }
}

class LockingSqliteAdapter extends SqliteAdapter {
  readonly #file: string
  #lock: BetterSqlite3.Database | undefined

  constructor(file: string) {
    super()
    this.#file = file
  }

  override get supportsTransactionalDdl(): boolean {
    return true
  }

  // The lock of the file itself would be released between two migrations; one of a second file ends with the process.
  override async acquireMigrationLock(): Promise<void> {
    makePrivate(this.#file)
    const lock = new BetterSqlite3(this.#file, { timeout: BUSY_TIMEOUT })
    this.#lock = lock
    await retried(async () => void translated(() => lock.exec('begin exclusive')), START_WAIT)
  }

  override async releaseMigrationLock(): Promise<void> {
    this.#lock?.close()
  }
}

// Preparing costs more than running (15 to 6 microseconds), and our verbs ask the same few questions again and again.
function rememberStatements(connection: BetterSqlite3.Database): (sql: string) => SqliteStatement {
  const statements = new Map<string, SqliteStatement>()
  return (sql) => {
    const known = statements.get(sql)
    if (known !== undefined) return known
    const statement = translatedStatement(translated(() => connection.prepare(sql)))
    if (statements.size < MAX_STATEMENTS) statements.set(sql, statement)
    return statement
  }
}

function translatedStatement(statement: BetterSqlite3.Statement): SqliteStatement {
  return {
    reader: statement.reader,
    all: (parameters) => translated(() => statement.all(parameters)),
    run: (parameters) => translated(() => statement.run(parameters)),
    iterate: () => {
      throw new Error('Nothing here streams: a remembered statement can be read by one reader at a time.')
    },
  }
}

/** Turns what a moment, an administrator or a bigger disk will mend into the error that says so. */
export function translated<Result>(work: () => Result): Result {
  try {
    return work()
  } catch (error) {
    if (!(error instanceof BetterSqlite3.SqliteError)) throw error
    if (/^SQLITE_(?:BUSY|LOCKED)/.test(error.code))
      throw new DatabaseUnavailable({ soon: true, cause: error })
    if (/^SQLITE_(?:FULL|READONLY|IOERR|CANTOPEN)/.test(error.code)) {
      throw new DatabaseUnavailable({ soon: false, cause: error })
    }
    throw error
  }
}
