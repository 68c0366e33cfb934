import { statSync } from 'node:fs'
import type { Kysely } from 'kysely'
import type { Schema } from '../tables/schema.js'
import * as users from '../tables/users.js'
import { isServer } from './dialect.js'
import { sql } from './kysely.js'
import { isObstructed, type Obstacle, obstacleTo } from './obstacles.js'
import { alone, missing } from './open.js'
import { DatabaseUnavailable } from './unavailable.js'

/** How a database is found. */
export interface DatabaseState {
  /** The steps that it lacks. */
  missing: readonly string[]
  /** How far this clock is ahead of the server's, in milliseconds; of a file only that it is behind can be known. */
  offset: number
  /** Why it cannot be written; undefined if it can. */
  readOnly: string | undefined
  /** The names of users whose mailbox is somebody else's address, too (migration 0014). */
  sharing: readonly string[]
  /** Accounts that should have been erased some time ago; undefined if there are none. */
  overdue: Overdue | undefined
}

export interface Overdue {
  /** Their ids, the first ones. */
  some: readonly string[]
  /** What keeps the first of them; undefined if nothing in the database does. */
  obstacle: Obstacle | undefined
}

/** Looks at a database and leaves it as it is. Throws a sentence if it cannot be opened. */
export function stateOfDatabase(location: string, now: () => number): Promise<DatabaseState> {
  return alone(location, async (db, schema) => {
    const lacking = await missing(db, schema)
    return {
      missing: lacking,
      offset: isServer(db) ? await offsetToServer(db, now) : offsetToFile(location, now()),
      readOnly: lacking.length > 0 ? undefined : await whyReadOnly(db),
      sharing: lacking.length > 0 ? [] : await namesSharing(db),
      overdue: lacking.length > 0 ? undefined : await overdueIn(db, now()),
    }
  })
}

// The half of the way there and back is the best guess at when the server has looked.
async function offsetToServer(db: Kysely<Schema>, now: () => number): Promise<number> {
  const asked = now()
  const { rows } = await sql<{ at: number }>`
    select (extract(epoch from clock_timestamp()) * 1000)::bigint as at`.execute(db)
  return Math.round((asked + now()) / 2 - (rows[0]?.at ?? asked))
}

/** When this was written: no clock that is right can be behind it. */
const EARLIEST = Date.UTC(2026, 0)

function offsetToFile(location: string, now: number): number {
  const file = location.slice('sqlite:'.length)
  const written = [file, `${file}-wal`].map((path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0)
  return Math.min(0, now - Math.max(EARLIEST, ...written))
}

const MOST_NAMES = 20

async function namesSharing(db: Kysely<Schema>): Promise<string[]> {
  const users = await db
    .selectFrom('users')
    .select('name')
    .where('email_key', 'like', 'shared %')
    .orderBy('created_at')
    .limit(MOST_NAMES)
    .execute()
  return users.map(({ name }) => name)
}

/** It has shown that it can be written, and is to be left as it was. */
class Enough extends Error {}

async function whyReadOnly(db: Kysely<Schema>): Promise<string | undefined> {
  try {
    await db.transaction().execute(async (transaction) => {
      await transaction.insertInto('limits').values({ key: 'check', count: 0, resets_at: 0 }).execute()
      throw new Enough()
    })
  } catch (error) {
    if (error instanceof Enough) return undefined
    return error instanceof Error ? error.message : String(error)
  }
  return undefined
}

/** A site that runs has erased an account by then. */
const OVERDUE_AFTER = 10 * 60 * 1000
const MOST_NAMED = 10

async function overdueIn(db: Kysely<Schema>, now: number): Promise<Overdue | undefined> {
  const some = await users.ended(db, { now: now - OVERDUE_AFTER, batch: MOST_NAMED, skip: 0 })
  const [first] = some
  return first === undefined ? undefined : { some, obstacle: await whyNotErased(db, first) }
}

async function whyNotErased(db: Kysely<Schema>, userId: string): Promise<Obstacle | undefined> {
  try {
    await db.transaction().execute(async (transaction) => {
      if (isServer(transaction)) await sql`set constraints all immediate`.execute(transaction)
      await users.erase(transaction, userId)
      throw new Enough()
    })
  } catch (error) {
    if (isObstructed(error)) return obstacleTo(db, userId, error)
    // One that cannot be written is said already.
    if (!(error instanceof Enough || error instanceof DatabaseUnavailable)) throw error
  }
  return undefined
}
