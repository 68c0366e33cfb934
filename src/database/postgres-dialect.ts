import type * as kysely from 'kysely'
import type { Driver, Kysely, MigrationLockOptions, PostgresPool, PostgresPoolClient } from 'kysely'
import pg from 'pg'
import { PostgresAdapter, PostgresDialect } from './kysely.js'
import { type ClientOptions, TranslatingClient, translateErrors } from './postgres-client.js'
import { ignoreUnavailable } from './unavailable.js'

const { escapeIdentifier } = pg

const END_WAIT = 2_000

// A failed rollback would hide the error before it.
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
    driver.rollbackTransaction = (connection) => rollback(connection).catch(ignoreUnavailable)
    driver.destroy = () => this.#pool.settled().then(destroy)
    return driver
  }

  override createAdapter(): kysely.PostgresAdapter {
    return new RowLockingPostgresAdapter(this.#pool)
  }
}

// Kysely takes an advisory lock, which distributed servers lack or ignore.
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
    await lock?.query('rollback', []).catch(ignoreUnavailable)
    lock?.release()
  }
}

export class TranslatingPool implements PostgresPool {
  readonly #pool: pg.Pool
  readonly #options: ClientOptions
  readonly #connecting = new Set<Promise<unknown>>()

  constructor(pool: pg.Pool, options: ClientOptions) {
    this.#pool = pool
    this.#options = options
  }

  connect(): Promise<PostgresPoolClient> {
    const connecting = this.#connect()
    const forget = () => void this.#connecting.delete(connecting)
    connecting.then(forget, forget)
    this.#connecting.add(connecting)
    return connecting
  }

  async #connect(): Promise<PostgresPoolClient> {
    return new TranslatingClient(await translateErrors(() => this.#pool.connect()), this.#options)
  }

  async settled(): Promise<void> {
    while (this.#connecting.size > 0) await Promise.allSettled(this.#connecting)
  }

  // The timer keeps the process alive, and ends the wait for a server that does not respond.
  end(): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(resolve, END_WAIT)
      const ended = this.#pool.end().finally(() => clearTimeout(timer))
      ended.then(resolve, reject)
    })
  }
}
