import { existsSync, statfsSync } from 'node:fs'
import { dirname } from 'node:path'
import { ADMIN } from '../accounts/roles.js'
import { MINUTE, SECOND } from '../base/durations.js'
import { errorText } from '../base/error-text.js'
import { isConstraintError, type Violation, violationBy } from '../database/constraints.js'
import { type DatabaseState, dryRun, stateOfDatabase } from '../database/health.js'
import { DatabaseUnavailable } from '../database/unavailable.js'
import { APP_SECRETS } from '../secrets/authenticator.js'
import { prefixOf } from '../secrets/cipher.js'
import { siteKeys } from '../secrets/key-file.js'
import { createKeyring } from '../secrets/keyring.js'
import * as apps from '../tables/authenticator-apps.js'
import * as limits from '../tables/limits.js'
import * as passkeys from '../tables/passkeys.js'
import type { Db } from '../tables/schema.js'
import * as users from '../tables/users.js'
import { timesIn } from '../views/times.js'
import type { Config } from './config.js'
import { type Finding, fine, type Verdict, warning, wrong } from './finding.js'

// Above it, nodes send emails twice and end sessions early.
const CLOCK_OFF = 5 * SECOND
const CLOCK_WRONG = MINUTE

const SECOND_OF = { optional: undefined, required: 'users', admins: 'admins' } as const

export async function databaseOf(config: Config, now: () => number): Promise<Finding[]> {
  const { database, secondStep } = config
  const [, file] = /^sqlite:(.+)$/.exec(database) ?? []
  if (file !== undefined && !existsSync(file)) {
    return [
      {
        about: 'database',
        ...warning(`There is no database ${file} yet. The site creates it at its first start.`),
      },
    ]
  }
  try {
    const wanted = {
      secondStepOf: SECOND_OF[secondStep],
      passkeyDomain: passkeyDomainOf(config),
      appMarks: appMarksOf(config),
    }
    return statesOf(await stateOfDatabase(database, now, (db: Db) => lookAt(db, now(), wanted)))
  } catch (error) {
    return [{ about: 'database', ...wrong(errorText(error)) }]
  }
}

function passkeyDomainOf({ passkeyDomain, baseUrl }: Config): string | undefined {
  return passkeyDomain ?? (baseUrl === undefined ? undefined : new URL(baseUrl).hostname)
}

// Undefined if the keys cannot be read, which is a finding of its own.
function appMarksOf({ sessionKeys, keyFile }: Config): string[] | undefined {
  if (sessionKeys.length === 0 && !existsSync(keyFile)) return ['']
  try {
    const keyring = createKeyring(siteKeys({ sessionKeys, keyFile }))
    return keyring.cipherKeys(APP_SECRETS).map(({ id }) => prefixOf(id))
  } catch {
    return undefined
  }
}

function statesOf({ missing, offset, found }: DatabaseState<Found>): Finding[] {
  const { readOnly, sharing = [], overdue, secondSteps, otherPasskeys = 0, lostApps = 0 } = found ?? {}
  return [
    {
      about: 'database',
      ...(readOnly === undefined
        ? fine('It responds and is writable.')
        : wrong(`It is not writable: ${readOnly}.`)),
    },
    { about: 'migrations', ...migrationsOf(missing) },
    { about: 'clock', ...clockOf(offset) },
    ...(sharing.length === 0 ? [] : [{ about: 'addresses', ...sharingOf(sharing) }]),
    ...(overdue === undefined ? [] : [{ about: 'erasures', ...erasuresOf(overdue) }]),
    ...(secondSteps === undefined ? [] : [{ about: 'two-step', ...secondSteps }]),
    ...(otherPasskeys === 0 ? [] : [{ about: 'passkeys', ...passkeysOf(otherPasskeys) }]),
    ...(lostApps === 0 ? [] : [{ about: 'authenticator apps', ...lostAppsOf(lostApps) }]),
  ]
}

interface Found {
  readOnly: string | undefined
  sharing: readonly string[]
  overdue: Overdue | undefined
  secondSteps: Verdict | undefined
  otherPasskeys: number
  lostApps: number
}

interface Overdue {
  some: readonly string[]
  obstacle: Violation | undefined
}

interface Wanted {
  secondStepOf: 'users' | 'admins' | undefined
  passkeyDomain: string | undefined
  appMarks: readonly string[] | undefined
}

async function lookAt(
  db: Db,
  now: number,
  { secondStepOf, passkeyDomain, appMarks }: Wanted,
): Promise<Found> {
  return {
    readOnly: await whyReadOnly(db),
    sharing: await users.namesSharing(db, MAX_NAMES),
    overdue: await overdueIn(db, now),
    secondSteps: secondStepOf && (await secondStepsOf(db, secondStepOf, passkeyDomain ?? '')),
    otherPasskeys: passkeyDomain === undefined ? 0 : await passkeys.countOfOtherDomains(db, passkeyDomain),
    lostApps: appMarks === undefined ? 0 : await apps.countOfOtherKeys(db, appMarks),
  }
}

async function whyReadOnly(db: Db): Promise<string | undefined> {
  const error = await dryRun(db, (transaction) =>
    limits.count(transaction, [{ key: 'check', resetsAt: 0 }], 0),
  )
  return error === undefined ? undefined : errorText(error)
}

const MAX_NAMES = 20
const OVERDUE_AFTER = 10 * MINUTE
const MAX_NAMED = 10

async function overdueIn(db: Db, now: number): Promise<Overdue | undefined> {
  const some = await users.expired(db, { now: now - OVERDUE_AFTER, batch: MAX_NAMED, skip: 0 })
  const [first] = some
  return first === undefined ? undefined : { some, obstacle: await whyNotErased(db, first) }
}

async function whyNotErased(db: Db, userId: string): Promise<Violation | undefined> {
  const error = await dryRun(db, (transaction) => users.erase(transaction, userId))
  if (isConstraintError(error)) return violationBy(db, userId, error)
  if (error !== undefined && !(error instanceof DatabaseUnavailable)) throw error
  return undefined
}

async function secondStepsOf(db: Db, who: 'users' | 'admins', rpId: string): Promise<Verdict> {
  return who === 'users'
    ? twoStepOf(await users.countSeconds(db, { rpId }))
    : twoStepOfAdmins(await users.countSeconds(db, { rpId, role: ADMIN }))
}

function twoStepOf({ all, on }: users.SecondCount): Verdict {
  if (on === all) return fine('All users have the two-step verification that they need (SECOND_STEP).')
  return warning(
    `Two-step verification is required (SECOND_STEP). Users without it: ${all - on} of ${all}. They are asked to set it up.`,
  )
}

function twoStepOfAdmins({ all, on }: users.SecondCount): Verdict {
  if (all === 0)
    return warning('There is no admin yet (SECOND_STEP=admins). Run gatehouse users role <user> add admin.')
  if (on === all) return fine('All admins have the two-step verification that they need (SECOND_STEP).')
  const words = `Two-step verification is required of admins (SECOND_STEP). Admins without it: ${all - on} of ${all}. They are asked to set it up.`
  return on === 0 ? wrong(words) : warning(words)
}

function passkeysOf(count: number): Verdict {
  return warning(
    `Passkeys created for another domain: ${count}. They do not work at this one. Change BASE_URL or PASSKEY_DOMAIN back, or ask their users to create new ones.`,
  )
}

function lostAppsOf(count: number): Verdict {
  return wrong(
    `Authenticator apps whose secret was encrypted with a key that the site does not have: ${count}. Their codes are refused. Add the old key to SESSION_KEYS, after the current one.`,
  )
}

function sharingOf(names: readonly string[]): Verdict {
  return warning(
    `These users share an email address with another user and can log in by username only: ${names.join(', ')}. Ask them for another address, or delete the unused account.`,
  )
}

function erasuresOf({ some, obstacle }: Overdue): Verdict {
  const accounts = `These accounts should be deleted by now: ${some.join(', ')}.`
  if (obstacle === undefined)
    return warning(`${accounts} Is the site running? Its log says why they were not.`)
  const { table, constraint, code } = obstacle
  const what = table === undefined ? 'The database' : `The table ${table}`
  return wrong(
    `${accounts} ${what} still refers to the first one (${constraint ?? code}). Add "on delete cascade", or delete those rows in the hook duringErase.`,
  )
}

function migrationsOf(missing: readonly string[]): Verdict {
  if (missing.length === 0) return fine('The database is up to date.')
  return warning(
    `Missing migrations: ${missing.join(', ')}. The next start runs them, or run gatehouse migrate.`,
  )
}

function clockOf(offset: number): Verdict {
  const off = Math.abs(offset)
  const words = `This clock is ${timesIn('en').until(off).replace(/^in /, '')} ${offset > 0 ? 'ahead' : 'behind'}`
  if (off >= CLOCK_WRONG)
    return wrong(`${words}. Links, codes and sessions expire at the wrong time. Set up NTP.`)
  if (off >= CLOCK_OFF) return warning(`${words}. Set up NTP: nodes must agree within a few seconds.`)
  return fine('The clock is correct.')
}

const ROOM = 1024 ** 3
const LITTLE_ROOM = ROOM / 10

export function diskOf({ database }: Config): Finding[] {
  const [, file] = /^sqlite:(.+)$/.exec(database) ?? []
  if (file === undefined || !existsSync(dirname(file))) return []
  const { bavail, bsize } = statfsSync(dirname(file))
  const free = bavail * bsize
  const says = `${(free / ROOM).toFixed(1)} GiB free in ${dirname(file)}.`
  if (free < LITTLE_ROOM) return [{ about: 'disk', ...wrong(`${says} Without space nothing can be saved.`) }]
  return [{ about: 'disk', ...(free < ROOM ? warning(`${says} Free some space.`) : fine(says)) }]
}
