import type * as kysely from 'kysely'
import type {
  Driver,
  Kysely,
  MigrationLockOptions,
  PostgresPool,
  PostgresPoolClient,
  PostgresQueryResult,
} from 'kysely'
import pg from 'pg'
import { PostgresAdapter, PostgresDialect } from './kysely.js'
import { nameOf } from './statement.js'
import { DatabaseUnavailable, forgiveUnavailable, type OnRetry, retried } from './unavailable.js'

const { DatabaseError, escapeIdentifier } = pg

const END_WAIT = 2_000
/** How long a statement that is a transaction by itself is tried again. */
const RETRY_WAIT = 4_000

/**
 * Kysely's dialect, in which a connection that broke, and so rolled back by itself, does not hide what had happened, in
 * which what has begun before the end is not cut off, and with a lock of migrations that every such server has.
 */
export class ForgivingPostgresDialect extends PostgresDialect {
  readonly #pool: TranslatingPool

  constructor(pool: TranslatingPool) {
    super({ pool })
    this.#pool = pool
  }

  override createDriver(): Driver {
    const driver = super.createDriver()
    const rollback = driver.rollbackTransaction.bind(driver)
    const destroy = driver.destroy.bind(driver)
    driver.rollbackTransaction = (connection) => rollback(connection).catch(forgiveUnavailable)
    driver.destroy = () => this.#pool.settled().then(destroy)
    return driver
  }

  override createAdapter(): kysely.PostgresAdapter {
    return new RowLockingPostgresAdapter(this.#pool)
  }
}

/**
 * Kysely itself asks for an advisory lock, which distributed servers lack, or take for nothing. A row is locked everywhere,
 * by a transaction on a connection of its own, which ends with the process.
 */
class RowLockingPostgresAdapter extends PostgresAdapter {
  readonly #pool: TranslatingPool
  #lock: PostgresPoolClient | undefined

  constructor(pool: TranslatingPool) {
    super()
    this.#pool = pool
  }

  override async acquireMigrationLock(
    _db: Kysely<unknown>,
    { lockTable, lockTableSchema, lockRowId }: MigrationLockOptions,
  ): Promise<void> {
    const table = [lockTableSchema, lockTable].filter((name) => name !== undefined).map(escapeIdentifier)
    const lock = await this.#pool.connect()
    this.#lock = lock
    await lock.query('begin', [])
    // It is idle while the steps are done, however long that takes.
    await lock.query('set local idle_in_transaction_session_timeout = 0', [])
    await lock.query(`select 1 from ${table.join('.')} where id = $1 for update`, [lockRowId])
  }

  override async releaseMigrationLock(): Promise<void> {
    const lock = this.#lock
    this.#lock = undefined
    await lock?.query('rollback', []).catch(forgiveUnavailable)
    lock?.release()
  }
}

/** A pool whose errors say what may be done about them, and which tells `onRetry` of statements that it does again. */
export class TranslatingPool implements PostgresPool {
  readonly #pool: pg.Pool
  readonly #onRetry: OnRetry | undefined
  readonly #connecting = new Set<Promise<unknown>>()

  constructor(pool: pg.Pool, onRetry?: OnRetry) {
    this.#pool = pool
    this.#onRetry = onRetry
  }

  connect(): Promise<PostgresPoolClient> {
    const connecting = this.#connect()
    const forget = () => void this.#connecting.delete(connecting)
    connecting.then(forget, forget)
    this.#connecting.add(connecting)
    return connecting
  }

  async #connect(): Promise<PostgresPoolClient> {
    return new TranslatingClient(await translated(() => this.#pool.connect()), this.#onRetry)
  }

  /** Waits until all who wait for a connection have one, or none. */
  async settled(): Promise<void> {
    while (this.#connecting.size > 0) await Promise.allSettled(this.#connecting)
  }

  // Idle connections keep no process alive, so this waits by itself; not for ever, if the server does not answer.
  end(): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(resolve, END_WAIT)
      const ended = this.#pool.end().finally(() => clearTimeout(timer))
      ended.then(resolve, reject)
    })
  }
}

/** What pg does; its own types say less of the answer than Kysely's. */
interface Asking {
  query<Row>(query: { text: string; values: unknown[]; name?: string }): Promise<PostgresQueryResult<Row>>
}

/** One use of a connection. After an error that speaks of the connection or its server it is not used again. */
class TranslatingClient implements PostgresPoolClient {
  readonly #client: pg.PoolClient
  readonly #onRetry: OnRetry | undefined
  #isInTransaction = false
  #broken: DatabaseUnavailable | undefined

  constructor(client: pg.PoolClient, onRetry: OnRetry | undefined) {
    this.#client = client
    this.#onRetry = onRetry
  }

  query<Row>(sql: string, parameters: readonly unknown[]): Promise<PostgresQueryResult<Row>>
  query(cursor: unknown): never
  query<Row>(sql: unknown, parameters: readonly unknown[] = []): Promise<PostgresQueryResult<Row>> {
    if (typeof sql !== 'string') throw new Error('Nothing here streams.')
    if (/^(?:begin|start transaction)\b/.test(sql)) this.#isInTransaction = true
    const ask = () => this.#ask<Row>(sql, parameters)
    // A single statement, also one that only reads, can fail like a transaction (PostgreSQL, 13.2.3 "Serializable"). Of a
    // transaction all has to be done again, which is for whoever began it.
    return this.#isInTransaction ? ask() : retried(ask, RETRY_WAIT, this.#onRetry)
  }

  async #ask<Row>(text: string, parameters: readonly unknown[]): Promise<PostgresQueryResult<Row>> {
    if (this.#broken !== undefined) throw this.#broken
    const name = nameOf(text)
    const query = { text, values: [...parameters], ...(name !== undefined && { name }) }
    const client: Asking = this.#client
    try {
      return await translated(() => client.query<Row>(query))
    } catch (error) {
      if (error instanceof DatabaseUnavailable && !error.soon) this.#broken = error
      throw error
    }
  }

  release(): void {
    this.#client.release(this.#broken)
  }
}

// Classes and codes of SQLSTATE (PostgreSQL, appendix A).
const CONTENDED = /^(?:40001|40P01|55P03)$/ // serialization failure, deadlock, lock not available
/**
 * Connection, login, resources, operator, disk, read-only, no database; and a commit of which a distributed server does not
 * know what came of it, so that it must not be done again.
 */
const OUT_OF_ORDER = /^(?:08|28|53|57|58|25006|3D000|40003)/

/** Turns what a moment, an administrator or a bigger disk will mend into the error that says so. */
async function translated<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    throw translation(error)
  }
}

// What the server has not said itself is about the way to it.
function translation(error: unknown): unknown {
  if (!(error instanceof Error)) return error
  if (!(error instanceof DatabaseError)) return new DatabaseUnavailable({ soon: false, cause: first(error) })
  const { code = '' } = error
  if (CONTENDED.test(code)) return new DatabaseUnavailable({ soon: true, cause: error })
  if (OUT_OF_ORDER.test(code)) return new DatabaseUnavailable({ soon: false, cause: error })
  return error
}

// A name with several addresses fails with an error for each, and an empty sentence above them.
function first(error: Error): Error {
  const inner: unknown = error instanceof AggregateError ? error.errors[0] : undefined
  return inner instanceof Error ? inner : error
}
