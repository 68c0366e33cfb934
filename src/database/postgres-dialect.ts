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
const RETRY_WAIT = 4_000

// Keeps the original error when a broken connection cannot roll back.
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

// Kysely takes an advisory lock, which distributed servers lack or ignore. A row lock works everywhere.
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
    // The connection is idle while the migrations run.
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

  async settled(): Promise<void> {
    while (this.#connecting.size > 0) await Promise.allSettled(this.#connecting)
  }

  // Idle connections keep no process alive, hence the timer. It also ends the wait for a dead server.
  end(): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(resolve, END_WAIT)
      const ended = this.#pool.end().finally(() => clearTimeout(timer))
      ended.then(resolve, reject)
    })
  }
}

interface Asking {
  query<Row>(query: { text: string; values: unknown[]; name?: string }): Promise<PostgresQueryResult<Row>>
}

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
    // Even single reads can fail like transactions (PostgreSQL, 13.2.3), which their owner retries.
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

const CONTENDED = /^(?:40001|40P01|55P03)$/ // serialization failure, deadlock, lock not available
// 40003: a distributed server does not know whether a commit succeeded, so it must not be retried.
const OUT_OF_ORDER = /^(?:08|28|53|57|58|25006|3D000|40003)/

async function translated<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    throw translation(error)
  }
}

function translation(error: unknown): unknown {
  if (!(error instanceof Error)) return error
  if (!(error instanceof DatabaseError)) return new DatabaseUnavailable({ soon: false, cause: first(error) })
  const { code = '' } = error
  if (CONTENDED.test(code)) return new DatabaseUnavailable({ soon: true, cause: error })
  if (OUT_OF_ORDER.test(code)) return new DatabaseUnavailable({ soon: false, cause: error })
  return error
}

// A host with several addresses fails with one error for each, under an empty message.
function first(error: Error): Error {
  const inner: unknown = error instanceof AggregateError ? error.errors[0] : undefined
  return inner instanceof Error ? inner : error
}
