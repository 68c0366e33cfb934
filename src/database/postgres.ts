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
const CONNECT_WAIT = 3_000
const LOCK_WAIT = 1_000
const ANSWER_WAIT = 5_000
const IDLE_FOR = 10_000

// Responses must survive a power cut, whatever the server's default.
const DURABLE: Setting = {
  session: `select set_config('synchronous_commit', 'on', false) where current_setting('synchronous_commit') = 'off'`,
  local: `select set_config('synchronous_commit', 'on', true) where current_setting('synchronous_commit') = 'off'`,
}

/** The same for the whole session, or until the end of a transaction. */
interface Setting {
  session: string
  local: string
}

export function openPostgres<Schema>(
  server: ServerSettings,
  { durable, workers = 1, onRetry }: { durable: boolean; workers?: number; onRetry?: OnRetry | undefined },
): kysely.Kysely<Schema> {
  const settings = [set(`lock_timeout = ${LOCK_WAIT}`), durable ? DURABLE : set('synchronous_commit = off')]
  const max = Math.max(MIN_CONNECTIONS, Math.ceil(MAX_CONNECTIONS / workers))
  return connected(server, { settings, max, query_timeout: ANSWER_WAIT }, onRetry)
}

export function openPatient<Schema>(server: ServerSettings): kysely.Kysely<Schema> {
  // Never for the session: this one finds out whether there is a pooler.
  return connected({ ...server, isPooled: true }, { settings: [DURABLE], max: MAX_CONNECTIONS })
}

function set(assignment: string): Setting {
  return { session: `set ${assignment}`, local: `set local ${assignment}` }
}

function connected<Schema>(
  { connection, schema, isPooled }: ServerSettings,
  { settings, ...limits }: { settings: Setting[]; max: number; query_timeout?: number },
  onRetry?: OnRetry,
): kysely.Kysely<Schema> {
  // Only this schema, so that missing tables are not looked up in others.
  const path = schema === undefined ? [] : [set(`search_path to "${schema}"`)]
  const all = [...path, ...settings]
  const pool = new pg.Pool({
    ...connection,
    fallback_application_name: 'gatehouse',
    connectionTimeoutMillis: CONNECT_WAIT,
    idleTimeoutMillis: IDLE_FOR,
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
