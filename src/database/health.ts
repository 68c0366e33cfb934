import { statSync } from 'node:fs'
import type { Kysely, QueryExecutorProvider } from 'kysely'
import { isServer } from './dialect.js'
import { missing } from './foreign-tables.js'
import { sql } from './kysely.js'
import { withDatabase } from './migrate.js'

export interface DatabaseState<Found> {
  missing: readonly string[]
  /** Milliseconds that this clock is ahead. With SQLite only a clock that is behind is found. */
  offset: number
  found: Found | undefined
}

export function stateOfDatabase<Schema, Found>(
  location: string,
  now: () => number,
  query: (db: Kysely<Schema>) => Promise<Found>,
): Promise<DatabaseState<Found>> {
  return withDatabase<Schema, DatabaseState<Found>>(location, async (db, schema) => {
    const unapplied = await missing(db, schema)
    return {
      missing: unapplied,
      offset: isServer(db) ? await offsetToServer(db, now) : offsetToFile(location, now()),
      found: unapplied.length > 0 ? undefined : await query(db),
    }
  })
}

async function offsetToServer(db: QueryExecutorProvider, now: () => number): Promise<number> {
  const start = now()
  const { rows } = await sql<{ at: number }>`
    select (extract(epoch from clock_timestamp()) * 1000)::bigint as at`.execute(db)
  return Math.round((start + now()) / 2 - (rows[0]?.at ?? start))
}

const EARLIEST = Date.UTC(2026, 0)

function offsetToFile(location: string, now: number): number {
  const file = location.slice('sqlite:'.length)
  const written = [file, `${file}-wal`].map((path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0)
  return Math.min(0, now - Math.max(EARLIEST, ...written))
}

class RollBack extends Error {}

export async function dryRun<Schema>(
  db: Kysely<Schema>,
  work: (transaction: Kysely<Schema>) => Promise<unknown>,
): Promise<unknown> {
  try {
    await db.transaction().execute(async (transaction) => {
      if (isServer(transaction)) await sql`set constraints all immediate`.execute(transaction)
      await work(transaction)
      throw new RollBack()
    })
  } catch (error) {
    if (!(error instanceof RollBack)) return error
  }
  return undefined
}
