import { statSync } from 'node:fs'
import type { Kysely, QueryExecutorProvider } from 'kysely'
import { isServer } from './dialect.js'
import { sql } from './kysely.js'
import { alone, missing } from './migrate.js'

export interface DatabaseState<Found> {
  missing: readonly string[]
  /** How far this clock is ahead, in milliseconds. With a file it is only known to be behind. */
  offset: number
  found: Found | undefined
}

export function stateOfDatabase<Schema, Found>(
  location: string,
  now: () => number,
  look: (db: Kysely<Schema>) => Promise<Found>,
): Promise<DatabaseState<Found>> {
  return alone<Schema, DatabaseState<Found>>(location, async (db, schema) => {
    const lacking = await missing(db, schema)
    return {
      missing: lacking,
      offset: isServer(db) ? await offsetToServer(db, now) : offsetToFile(location, now()),
      found: lacking.length > 0 ? undefined : await look(db),
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

export async function whyNotDone<Schema>(
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
