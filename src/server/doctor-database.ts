import { existsSync, statfsSync } from 'node:fs'
import { dirname } from 'node:path'
import { MINUTE, SECOND } from '../base/durations.js'
import { errorText } from '../base/error-text.js'
import { isObstructed, type Obstacle, obstacleTo } from '../database/constraints.js'
import { type DatabaseState, stateOfDatabase, whyNotDone } from '../database/health.js'
import { DatabaseUnavailable } from '../database/unavailable.js'
import * as limits from '../tables/limits.js'
import type { Db } from '../tables/schema.js'
import * as users from '../tables/users.js'
import { timesIn } from '../views/times.js'
import type { Config } from './config.js'
import { type Finding, fine, type Verdict, warning, wrong } from './finding.js'

// Between nodes. A larger difference sends emails twice and ends sessions early.
const CLOCK_OFF = 5 * SECOND
const CLOCK_WRONG = MINUTE

export async function databaseOf({ database }: Config, now: () => number): Promise<Finding[]> {
  const [, file] = /^sqlite:(.+)$/.exec(database) ?? []
  if (file !== undefined && !existsSync(file)) {
    return [
      { about: 'database', ...warning(`There is no ${file} yet: the site makes it at its first start.`) },
    ]
  }
  try {
    return statesOf(await stateOfDatabase(database, now, (db: Db) => lookAt(db, now())))
  } catch (error) {
    return [{ about: 'database', ...wrong(errorText(error)) }]
  }
}

function statesOf({ missing, offset, found }: DatabaseState<Found>): Finding[] {
  const { readOnly, sharing = [], overdue } = found ?? {}
  return [
    {
      about: 'database',
      ...(readOnly === undefined
        ? fine('It answers, and can be written.')
        : wrong(`It cannot be written: ${readOnly}.`)),
    },
    { about: 'migrations', ...migrationsOf(missing) },
    { about: 'clock', ...clockOf(offset) },
    ...(sharing.length === 0 ? [] : [{ about: 'addresses', ...sharingOf(sharing) }]),
    ...(overdue === undefined ? [] : [{ about: 'erasures', ...erasuresOf(overdue) }]),
  ]
}

interface Found {
  readOnly: string | undefined
  sharing: readonly string[]
  overdue: Overdue | undefined
}

interface Overdue {
  some: readonly string[]
  obstacle: Obstacle | undefined
}

async function lookAt(db: Db, now: number): Promise<Found> {
  return {
    readOnly: await whyReadOnly(db),
    sharing: await users.namesSharing(db, MOST_NAMES),
    overdue: await overdueIn(db, now),
  }
}

async function whyReadOnly(db: Db): Promise<string | undefined> {
  const error = await whyNotDone(db, (transaction) =>
    limits.count(transaction, [{ key: 'check', resetsAt: 0 }], 0),
  )
  return error === undefined ? undefined : errorText(error)
}

const MOST_NAMES = 20
const OVERDUE_AFTER = 10 * MINUTE
const MOST_NAMED = 10

async function overdueIn(db: Db, now: number): Promise<Overdue | undefined> {
  const some = await users.ended(db, { now: now - OVERDUE_AFTER, batch: MOST_NAMED, skip: 0 })
  const [first] = some
  return first === undefined ? undefined : { some, obstacle: await whyNotErased(db, first) }
}

async function whyNotErased(db: Db, userId: string): Promise<Obstacle | undefined> {
  const error = await whyNotDone(db, (transaction) => users.erase(transaction, userId))
  if (isObstructed(error)) return obstacleTo(db, userId, error)
  if (error !== undefined && !(error instanceof DatabaseUnavailable)) throw error
  return undefined
}

function sharingOf(names: readonly string[]): Verdict {
  return warning(
    `These users have the mailbox of another user, and log in by username alone: ${names.join(', ')}. Ask them for another email address, or delete the account that is not used.`,
  )
}

function erasuresOf({ some, obstacle }: Overdue): Verdict {
  const who = `Accounts should have been erased by now: ${some.join(', ')}.`
  if (obstacle === undefined)
    return warning(`${who} Is the site running? Its log says what keeps it from that.`)
  const { table, constraint, code } = obstacle
  const what = table === undefined ? 'The database' : `The table ${table}`
  return wrong(
    `${who} ${what} still needs the first one (${constraint ?? code}). Let its rows go by "on delete cascade", or delete them in the hook duringErase.`,
  )
}

function migrationsOf(missing: readonly string[]): Verdict {
  if (missing.length === 0) return fine('The database is up to date.')
  return warning(`The database lacks ${missing.join(', ')}: the next start does them, or gatehouse migrate.`)
}

function clockOf(offset: number): Verdict {
  const off = Math.abs(offset)
  const words = `This clock is ${offset > 0 ? 'ahead' : 'behind'} by ${timesIn('en').until(off).replace(/^in /, '')}`
  if (off >= CLOCK_WRONG)
    return wrong(`${words}: links, codes and sessions end at the wrong time. Set up NTP.`)
  if (off >= CLOCK_OFF) return warning(`${words}: set up NTP, for nodes have to agree to some seconds.`)
  return fine('The clock is right.')
}

const ROOM = 1024 ** 3
const LITTLE_ROOM = ROOM / 10

export function diskOf({ database }: Config): Finding[] {
  const [, file] = /^sqlite:(.+)$/.exec(database) ?? []
  if (file === undefined || !existsSync(dirname(file))) return []
  const { bavail, bsize } = statfsSync(dirname(file))
  const free = bavail * bsize
  const says = `${(free / ROOM).toFixed(1)} GiB are free in ${dirname(file)}.`
  if (free < LITTLE_ROOM) return [{ about: 'disk', ...wrong(`${says} Without room nothing can be written.`) }]
  return [{ about: 'disk', ...(free < ROOM ? warning(`${says} Make room.`) : fine(says)) }]
}
