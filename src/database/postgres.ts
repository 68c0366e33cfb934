import type * as kysely from 'kysely'
import pg from 'pg'
import { Kysely } from './kysely.js'
import type { ServerSettings } from './locate.js'
import { ForgivingPostgresDialect, TranslatingPool } from './postgres-dialect.js'
import type { OnRetry } from './unavailable.js'

const INT8 = 20

const { types } = pg

const MAX_CONNECTIONS = 8
const MIN_CONNECTIONS = 2
const CONNECT_TIMEOUT = 3_000
const LOCK_TIMEOUT = 1_000
const QUERY_TIMEOUT = 5_000
const IDLE_TIMEOUT = 10_000

// Responses must survive a power cut, whatever the server's default.
const DURABLE: Setting = {
  session: `select set_config('synchronous_commit', 'on', false) where current_setting('synchronous_commit') = 'off'`,
  local: `select set_config('synchronous_commit', 'on', true) where current_setting('synchronous_commit') = 'off'`,
}

interface Setting {
  session: string
  local: string
}

export function openPostgres<Schema>(
  server: ServerSettings,
  { durable, workers = 1, onRetry }: { durable: boolean; workers?: number; onRetry?: OnRetry | undefined },
): kysely.Kysely<Schema> {
  const settings = [
    set(`lock_timeout = ${LOCK_TIMEOUT}`),
    durable ? DURABLE : set('synchronous_commit = off'),
  ]
  const max = Math.max(MIN_CONNECTIONS, Math.ceil(MAX_CONNECTIONS / workers))
  return connect(server, { settings, max, query_timeout: QUERY_TIMEOUT }, onRetry)
}

export function openForLongQueries<Schema>(server: ServerSettings): kysely.Kysely<Schema> {
  // Sets nothing for a session, because a pooler is not ruled out yet.
  return connect({ ...server, isPooled: true }, { settings: [DURABLE], max: MAX_CONNECTIONS })
}

function set(assignment: string): Setting {
  return { session: `set ${assignment}`, local: `set local ${assignment}` }
}

function connect<Schema>(
  { connection, schema, isPooled }: ServerSettings,
  { settings, ...limits }: { settings: Setting[]; max: number; query_timeout?: number },
  onRetry?: OnRetry,
): kysely.Kysely<Schema> {
  // No other schema, where a missing table could be found.
  const path = schema === undefined ? [] : [set(`search_path to "${schema}"`)]
  const all = [...path, ...settings]
  const pool = new pg.Pool({
    ...connection,
    fallback_application_name: 'gatehouse',
    connectionTimeoutMillis: CONNECT_TIMEOUT,
    idleTimeoutMillis: IDLE_TIMEOUT,
    keepAlive: true,
    allowExitOnIdle: true,
    types: { getTypeParser: parserOf },
    ...(!isPooled && { onConnect: (client) => client.query(all.map(({ session }) => session).join('; ')) }),
    ...limits,
  })
  // The query already fails with the error. Unhandled, these events would end the process.
  pool.on('error', () => {})
  pool.on('connect', (client) => client.on('error', () => {}))
  const each = { settings: all.map(({ local }) => local).join('; '), includesReads: schema !== undefined }
  const translating = new TranslatingPool(pool, { onRetry, eachTransaction: isPooled ? each : undefined })
  return new Kysely({ dialect: new ForgivingPostgresDialect(translating) })
}

// Not set globally, because the app may use pg and want bigints as strings.
const parserOf: typeof types.getTypeParser = (type: number, format?: 'text' | 'binary') =>
  type === INT8 ? Number : types.getTypeParser(type, format)
