import { setTimeout } from 'node:timers/promises'
import type { Kysely, QueryExecutorProvider } from 'kysely'
import { errorText } from '../base/error-text.js'
import { sql } from './kysely.js'
import { DatabaseUnavailable } from './unavailable.js'

const RESPONSE_WAIT = 10_000
const ROUNDS = 6

/** Whether each connection has its own database session. Behind a pooler in transaction mode, settings such as
 * `lock_timeout` are lost without an error (PgBouncer, "Feature matrix"). */
export function hasOwnSessions<Schema>(db: Kysely<Schema>): Promise<boolean> {
  return db.connection().execute(async (first) => {
    await sql`select 1`.execute(first)
    const work = db.connection().execute((second) => keepSessions(first, second))
    return await inTime(work.catch(refuseOneSession))
  })
}

function refuseOneSession(error: unknown): never {
  const cause = error instanceof DatabaseUnavailable ? error.cause : error
  throw new Error(
    `while one connection was in use, a second one failed (${errorText(cause)}). Gatehouse needs several connections at once`,
    { cause: error },
  )
}

function inTime<Result>(work: Promise<Result>): Promise<Result> {
  const waiting = new AbortController()
  const late = setTimeout(RESPONSE_WAIT, undefined, { signal: waiting.signal }).then(() =>
    refuseOneSession(new Error(`no response within ${RESPONSE_WAIT / 1000} seconds`)),
  )
  return Promise.race([work, late]).finally(() => waiting.abort())
}

// Poolers reuse the session that was returned last, or first, so both orders are tried, many times: from a busy pooler, which
// hands out any session that is free, two connections often get those that they had before.
async function keepSessions(first: QueryExecutorProvider, second: QueryExecutorProvider): Promise<boolean> {
  const own = `${await sessionsOf(second, first)}`
  const order = [first, second]
  for (let round = 0; round < ROUNDS; round++) {
    await commit(...order.reverse())
    if (`${await sessionsOf(second, first)}` !== own) return false
  }
  await commit(...order)
  return true
}

async function sessionsOf(...connections: QueryExecutorProvider[]): Promise<number[]> {
  const sessions: number[] = []
  for (const connection of connections) {
    await sql`begin`.execute(connection)
    const { rows } = await sql<{ session: number }>`select pg_backend_pid() as session`.execute(connection)
    sessions.push(rows[0]?.session ?? 0)
  }
  return sessions
}

async function commit(...connections: QueryExecutorProvider[]): Promise<void> {
  for (const connection of connections) await sql`commit`.execute(connection)
}
