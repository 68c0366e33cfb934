import type * as kysely from 'kysely'
import pg from 'pg'
import { Kysely } from './kysely.js'
import type { ServerSettings } from './locate.js'
import { ForgivingPostgresDialect, TranslatingPool } from './postgres-dialect.js'
import type { OnRetry } from './unavailable.js'

const INT8 = 20

const { types } = pg

/** Of each kind (durable, loose, transactions), for all processes of one machine together; none has fewer than two. */
const MAX_CONNECTIONS = 8
const FEWEST_CONNECTIONS = 2
/** How long a page waits for a connection, for a lock and for an answer, in milliseconds. */
const CONNECT_WAIT = 3_000
const LOCK_WAIT = 1_000
const ANSWER_WAIT = 5_000
const IDLE_FOR = 10_000

// Whatever else the server says of itself by default, what was answered is to survive a power cut.
const DURABLE = `select set_config('synchronous_commit', 'on', false) where current_setting('synchronous_commit') = 'off'`
const LOOSE = 'set synchronous_commit = off'

/**
 * Opens connections to a PostgreSQL database as they are needed. `durable` says whether a write that was answered
 * survives a power cut; writes that may get lost (last seen) do not wait for the disk. So many `workers` share what one
 * process would open.
 */
export function openPostgres<Schema>(
  server: ServerSettings,
  { durable, workers = 1, onRetry }: { durable: boolean; workers?: number; onRetry?: OnRetry | undefined },
): kysely.Kysely<Schema> {
  const settings = `set lock_timeout = ${LOCK_WAIT}; ${durable ? DURABLE : LOOSE}`
  const max = Math.max(FEWEST_CONNECTIONS, Math.ceil(MAX_CONNECTIONS / workers))
  return connected(server, { settings, max, query_timeout: ANSWER_WAIT }, onRetry)
}

/** The same for migrations, which take what time they need, and wait while another process migrates. */
export function openPatient<Schema>(server: ServerSettings): kysely.Kysely<Schema> {
  return connected(server, { settings: DURABLE, max: MAX_CONNECTIONS })
}

function connected<Schema>(
  { connection, schema }: ServerSettings,
  { settings, ...limits }: { settings: string; max: number; query_timeout?: number },
  onRetry?: OnRetry,
): kysely.Kysely<Schema> {
  // On every connection rather than in every statement; the names that are not found there are not looked for elsewhere.
  const path = schema === undefined ? '' : `set search_path to "${schema}"; `
  const pool = new pg.Pool({
    ...connection,
    fallback_application_name: 'gatehouse',
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
  return new Kysely({ dialect: new ForgivingPostgresDialect(new TranslatingPool(pool, onRetry)) })
}

// For our own connections alone: a host may use pg as well, and want its bigints as they are.
const parserOf: typeof types.getTypeParser = (type: number, format?: 'text' | 'binary') =>
  type === INT8 ? Number : types.getTypeParser(type, format)
