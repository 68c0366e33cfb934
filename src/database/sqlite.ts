import { dirname } from 'node:path'
import type BetterSqlite3 from 'better-sqlite3'
import type * as kysely from 'kysely'
import { Kysely, SqliteAdapter, SqliteDialect, SqliteQueryCompiler, ValueNode } from './kysely.js'
import type { SqliteFile } from './locate.js'
import { makeFolder, makePrivate } from './private-files.js'
import { type FileLock, lockShared } from './sqlite-lock.js'
import { DatabaseUnavailable, withRetries } from './unavailable.js'

// better-sqlite3 would block the event loop, so `withRetries` waits instead.
const BUSY_TIMEOUT = 0
// Without WAL, a commit blocks readers for a moment.
const JOURNAL_BUSY_TIMEOUT = 200
export const START_WAIT = 60_000
const MAX_STATEMENTS = 500
// A checkpoint of SQLite's default of 1,000 pages would block everyone for 30 ms after a sweep.
const CHECKPOINT_PAGES = 100

/** `power`: writes survive a power cut. `with log`: once the log is flushed. `process`: they survive only a crash of the
 * process, but are 20 times faster. */
type Durability = 'power' | 'with log' | 'process'

interface DurabilityOptions {
  durability: Durability
}

export function openSqlite<Schema>(
  file: SqliteFile,
  { durability }: DurabilityOptions,
): kysely.Kysely<Schema> {
  makeFolder(dirname(file.path))
  const inUse = translateErrors(() => lockShared(file))
  try {
    const connection = connect(file, { durability })
    return new Kysely({ dialect: new LockingSqliteDialect(connection, file, inUse) })
  } catch (error) {
    inUse.close()
    throw error
  }
}

function connect(file: SqliteFile, { durability }: DurabilityOptions): BetterSqlite3.Database {
  makePrivate(file.path)
  const connection = file.open(file.path, { timeout: BUSY_TIMEOUT })
  try {
    translateErrors(() => setPragmas(connection, { durability, isShared: file.isShared }))
    return connection
  } catch (error) {
    connection.close()
    throw error
  }
}

function setPragmas(
  connection: BetterSqlite3.Database,
  { durability, isShared }: DurabilityOptions & { isShared: boolean },
): void {
  if (!isShared) connection.pragma('journal_mode = WAL')
  const isWal = connection.pragma('journal_mode', { simple: true }) === 'wal'
  if (!isWal) connection.pragma(`busy_timeout = ${JOURNAL_BUSY_TIMEOUT}`)
  // Without WAL, NORMAL risks corruption in a power cut (sqlite.org, PRAGMA synchronous).
  connection.pragma(`synchronous = ${durability === 'power' || !isWal ? 'FULL' : 'NORMAL'}`)
  connection.pragma('foreign_keys = ON')
  if (durability === 'process' && !isShared) connection.pragma(`wal_autocheckpoint = ${CHECKPOINT_PAGES}`)
}

class LockingSqliteDialect extends SqliteDialect {
  readonly #connection: BetterSqlite3.Database
  readonly #file: SqliteFile

  constructor(connection: BetterSqlite3.Database, file: SqliteFile, inUse: FileLock) {
    const close = () => {
      connection.close()
      inUse.close()
    }
    super({ database: { prepare: cacheStatements(connection), close } })
    this.#connection = connection
    this.#file = file
  }

  // SQLite itself rolls back when the disk is full. A second rollback would hide that error.
  override createDriver(): kysely.Driver {
    const driver = super.createDriver()
    const rollback = driver.rollbackTransaction.bind(driver)
    driver.rollbackTransaction = async (connection) => {
      if (this.#connection.inTransaction) await rollback(connection)
    }
    return driver
  }

  override createAdapter(): kysely.SqliteAdapter {
    return new LockingSqliteAdapter(this.#file)
  }

  override createQueryCompiler(): kysely.SqliteQueryCompiler {
    return new SteadyQueryCompiler()
  }
}

// With STAT4, SQLite plans again for each new bound value (sqlite3_prepare_v2), which makes a join by a unique
// column 4 times slower. A subquery hides the value.
class SteadyQueryCompiler extends SqliteQueryCompiler {
  protected override visitBinaryOperation({
    leftOperand,
    operator,
    rightOperand,
  }: kysely.BinaryOperationNode): void {
    this.visitNode(leftOperand)
    this.append(' ')
    this.visitNode(operator)
    this.append(' ')
    this.#visitHidden(rightOperand)
  }

  protected override visitLimit({ limit }: kysely.LimitNode): void {
    this.append('limit ')
    this.#visitHidden(limit)
  }

  protected override visitOffset({ offset }: kysely.OffsetNode): void {
    this.append('offset ')
    this.#visitHidden(offset)
  }

  #visitHidden(node: kysely.OperationNode): void {
    const isBound = ValueNode.is(node) && node.immediate !== true
    if (isBound) this.append('(select ')
    this.visitNode(node)
    if (isBound) this.append(')')
  }
}

class LockingSqliteAdapter extends SqliteAdapter {
  readonly #file: SqliteFile
  #lock: BetterSqlite3.Database | undefined

  constructor(file: SqliteFile) {
    super()
    this.#file = file
  }

  override get supportsTransactionalDdl(): boolean {
    return true
  }

  // A lock on the file itself would be released between two migrations.
  override async acquireMigrationLock(): Promise<void> {
    const path = `${this.#file.path}-migrating`
    makePrivate(path)
    const lock = this.#file.open(path, { timeout: BUSY_TIMEOUT })
    this.#lock = lock
    await withRetries(async () => void translateErrors(() => lock.exec('begin exclusive')), START_WAIT)
  }

  override async releaseMigrationLock(): Promise<void> {
    this.#lock?.close()
  }
}

function cacheStatements(connection: BetterSqlite3.Database): (sql: string) => kysely.SqliteStatement {
  const statements = new Map<string, kysely.SqliteStatement>()
  return (sql) => {
    const known = statements.get(sql)
    if (known !== undefined) return known
    const statement = translatingStatement(
      translateErrors(() => connection.prepare<unknown[], unknown[]>(sql)),
    )
    if (statements.size < MAX_STATEMENTS) statements.set(sql, statement)
    return statement
  }
}

type Statement = BetterSqlite3.Statement<unknown[], unknown[]>

function translatingStatement(statement: Statement): kysely.SqliteStatement {
  const { reader, source } = statement
  // The columns of `*` may change while the statement is cached.
  const read = reader && !source.includes('*') ? readingByPlace(statement) : statement.all.bind(statement)
  return {
    reader,
    all: (parameters) => translateErrors(() => read(parameters)),
    run: (parameters) => translateErrors(() => statement.run(parameters)),
    iterate: () => {
      throw new Error('Streaming is not supported: a cached statement can have one reader at a time.')
    },
  }
}

// better-sqlite3 would create the names of the columns again for each row.
function readingByPlace(statement: Statement): (parameters: readonly unknown[]) => object[] {
  const names = statement.columns().map(({ name }) => name)
  statement.raw()
  return (parameters) => statement.all(parameters).map((values) => rowOf(names, values))
}

function rowOf(names: readonly string[], values: readonly unknown[]): Record<string, unknown> {
  const row: Record<string, unknown> = {}
  for (let at = 0; at < names.length; at++) row[names[at] ?? ''] = values[at]
  return row
}

export function translateErrors<Result>(work: () => Result): Result {
  try {
    return work()
  } catch (error) {
    throw error instanceof Error ? translate(error, codeOf(error)) : error
  }
}

export function isBusy(error: unknown): boolean {
  return error instanceof Error && /^SQLITE_(?:BUSY|LOCKED)/.test(codeOf(error))
}

function translate(error: Error, code: string): Error {
  if (isBusy(error)) return new DatabaseUnavailable({ soon: true, cause: error })
  if (/^SQLITE_(?:FULL|READONLY|IOERR|CANTOPEN)/.test(code)) {
    return new DatabaseUnavailable({ soon: false, cause: error })
  }
  return error
}

// Not by class, because the app's copy of better-sqlite3 has its own.
function codeOf(error: Error): string {
  return 'code' in error ? String(error.code) : ''
}
