import {
  type Driver,
  Kysely,
  PostgresDialect,
  type PostgresPool,
  type PostgresPoolClient,
  type PostgresQueryResult,
} from 'kysely'
import pg from 'pg'
import { DatabaseUnavailable, forgiveUnavailable } from './unavailable.js'

const INT8 = 20

const { types, DatabaseError } = pg

const MAX_CONNECTIONS = 8
/** How long a page waits for a connection, for a lock and for an answer, in milliseconds. */
const CONNECT_WAIT = 3_000
const LOCK_WAIT = 1_000
const ANSWER_WAIT = 5_000
const IDLE_FOR = 60_000
const END_WAIT = 2_000

// Whatever else the server says of itself by default, what was answered is to survive a power cut.
const DURABLE = `select set_config('synchronous_commit', 'on', false) where current_setting('synchronous_commit') = 'off'`
const LOOSE = 'set synchronous_commit = off'

/** Whether it can be the address of a PostgreSQL server: `postgres://…` or `postgresql://…`. */
export function isPostgresUrl(url: string): boolean {
  if (!/^postgres(?:ql)?:\/\//.test(url) || !URL.canParse(url)) return false
  // An @ or a # further on means that half of a password is taken for a host, and would be told as one.
  const { pathname, search, hash } = new URL(url)
  return hash === '' && !`${pathname}${search}`.includes('@')
}

/** A database on a server, and how connections to it are opened. */
export interface ServerSettings {
  readonly connection: pg.ClientConfig
  /** What it is called in a sentence: never by the user and the password. */
  readonly name: string
  /** The schema with our tables; undefined for the one in which the server makes them by itself. */
  readonly schema: string | undefined
}

/**
 * Opens connections to a PostgreSQL database as they are needed. `durable` says whether a write that was answered
 * survives a power cut; writes that may get lost (last seen) do not wait for the disk.
 */
export function openPostgres<Schema>(
  server: ServerSettings,
  { durable }: { durable: boolean },
): Kysely<Schema> {
  const settings = `set lock_timeout = ${LOCK_WAIT}; ${durable ? DURABLE : LOOSE}`
  return connected(server, { settings, query_timeout: ANSWER_WAIT })
}

/** The same for migrations, which take what time they need, and wait while another process migrates. */
export function openPatient<Schema>(server: ServerSettings): Kysely<Schema> {
  return connected(server, { settings: DURABLE })
}

function connected<Schema>(
  { connection, schema }: ServerSettings,
  { settings, ...limits }: { settings: string; query_timeout?: number },
): Kysely<Schema> {
  // On every connection rather than in every statement; the names that are not found there are not looked for elsewhere.
  const path = schema === undefined ? '' : `set search_path to "${schema}"; `
  const pool = new pg.Pool({
    ...connection,
    fallback_application_name: 'gatehouse',
    max: MAX_CONNECTIONS,
    connectionTimeoutMillis: CONNECT_WAIT,
    idleTimeoutMillis: IDLE_FOR,
    keepAlive: true,
    allowExitOnIdle: true,
    types: { getTypeParser: parserOf },
    onConnect: (client) => client.query(path + settings),
    ...limits,
  })
  // A connection that breaks tells its query; that it tells everybody else, too, must not end the process.
  pool.on('error', () => {})
  pool.on('connect', (client) => client.on('error', () => {}))
  return new Kysely({ dialect: new ForgivingPostgresDialect(new TranslatingPool(pool)) })
}

// For our own connections alone: a host may use pg as well, and want its bigints as they are.
const parserOf: typeof types.getTypeParser = (type: number, format?: 'text' | 'binary') =>
  type === INT8 ? Number : types.getTypeParser(type, format)

/**
 * Kysely's dialect, in which a connection that broke, and so rolled back by itself, does not hide what had happened, and
 * in which what has begun before the end is not cut off.
 */
class ForgivingPostgresDialect extends PostgresDialect {
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
}

class TranslatingPool implements PostgresPool {
  readonly #pool: pg.Pool
  readonly #connecting = new Set<Promise<unknown>>()

  constructor(pool: pg.Pool) {
    this.#pool = pool
  }

  connect(): Promise<PostgresPoolClient> {
    const connecting = this.#connect()
    const forget = () => void this.#connecting.delete(connecting)
    connecting.then(forget, forget)
    this.#connecting.add(connecting)
    return connecting
  }

  async #connect(): Promise<PostgresPoolClient> {
    return new TranslatingClient(await translated(() => this.#pool.connect()))
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

/** One use of a connection. After an error that speaks of the connection or its server it is not used again. */
class TranslatingClient implements PostgresPoolClient {
  readonly #client: pg.PoolClient
  #broken: DatabaseUnavailable | undefined

  constructor(client: pg.PoolClient) {
    this.#client = client
  }

  query<Row>(sql: string, parameters: readonly unknown[]): Promise<PostgresQueryResult<Row>>
  query(cursor: unknown): never
  query<Row>(sql: unknown, parameters: readonly unknown[] = []): Promise<PostgresQueryResult<Row>> {
    if (typeof sql !== 'string') throw new Error('Nothing here streams.')
    return this.#ask(this.#client, sql, parameters)
  }

  async #ask<Row>(
    client: PostgresPoolClient,
    sql: string,
    parameters: readonly unknown[],
  ): Promise<PostgresQueryResult<Row>> {
    if (this.#broken !== undefined) throw this.#broken
    try {
      return await translated(() => client.query<Row>(sql, parameters))
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
const OUT_OF_ORDER = /^(?:08|28|53|57|58|25006|3D000)/ // connection, login, resources, operator, disk, read-only, no database

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
