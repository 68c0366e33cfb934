import { existsSync, statfsSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { MINUTE, SECOND } from '../base/durations.js'
import { type DatabaseState, type Overdue, stateOfDatabase } from '../database/health.js'
import { verifySmtp } from '../mail/smtp.js'
import { createKeyring, siteKeys } from '../secrets/keyring.js'
import { compareOverrides } from '../views/overrides.js'
import { otherHtmxIn } from '../views/templates.js'
import { timesIn } from '../views/times.js'
import type { Config } from './config.js'

/** What was looked at, and what is to be done about it. */
export interface Finding {
  /** Of what: a stable word. */
  about: string
  /** `wrong` keeps the site, or a part of it, from working; of a `warning` somebody should have thought. */
  level: 'fine' | 'warning' | 'wrong'
  /** In words, without secrets. */
  says: string
}

/** Looks at everything on which a site depends, and changes nothing. */
export async function checkSite(config: Config, now: () => number): Promise<Finding[]> {
  return [
    environmentOf(config),
    keysOf(config),
    cookieOf(config),
    proxyOf(config),
    passwordsOf(config),
    limitsOf(config),
    ...(await databaseOf(config, now)),
    ...diskOf(config),
    await mailOf(config),
    ...templatesOf(config),
  ]
}

type Said = Omit<Finding, 'about'>

const fine = (says: string): Said => ({ level: 'fine', says })
const warning = (says: string): Said => ({ level: 'warning', says })
const wrong = (says: string): Said => ({ level: 'wrong', says })

function environmentOf({ production, development }: Config): Finding {
  const said = production
    ? fine('NODE_ENV is production.')
    : warning(
        `NODE_ENV is not production: ${development ? 'error pages show details, and the pages under /dev/ are on' : 'emails may be caught instead of sent'}. Set it where others come.`,
      )
  return { about: 'environment', ...said }
}

function keysOf(config: Config): Finding {
  return { about: 'keys', ...(config.sessionKeys.length > 0 ? givenKeys(config) : keptKeys(config)) }
}

function givenKeys({ sessionKeys }: Config): Said {
  const { ids } = createKeyring(sessionKeys)
  if (new Set(ids).size < ids.length) return warning('SESSION_KEYS names a key twice: remove one of them.')
  return fine(`SESSION_KEYS: ${ids.length === 1 ? 'one key' : `${ids.length} keys`}; ${ids[0]} seals.`)
}

function keptKeys({ keyFile, database }: Config): Said {
  const file = statSync(keyFile, { throwIfNoEntry: false })
  if (file === undefined)
    return warning(`There is no key file ${keyFile} yet: the site makes it at its first start.`)
  try {
    const { ids } = createKeyring(siteKeys({ sessionKeys: [], keyFile }))
    if ((file.mode & 0o077) !== 0)
      return wrong(`Others may read the key file ${keyFile}: chmod 600, and rotate the keys.`)
    if (!database.startsWith('sqlite:')) {
      return warning(`The key file ${keyFile} is this node's alone: with several nodes set SESSION_KEYS.`)
    }
    return fine(`The key file ${keyFile} is its owner's alone; ${ids[0]} seals.`)
  } catch (error) {
    return wrong(messageOf(error))
  }
}

function cookieOf({ https, baseUrl, production }: Config): Finding {
  if (https) return { about: 'cookie', ...fine('Cookies are Secure and __Host-, for BASE_URL is https.') }
  const says = `Cookies are not Secure: BASE_URL is ${baseUrl ?? 'not set'}. Where people come by https, set it to that.`
  return { about: 'cookie', ...(production ? wrong(says) : warning(says)) }
}

function proxyOf({ trustProxy, https }: Config): Finding {
  const said =
    https && trustProxy === 0
      ? warning(
          'BASE_URL is https, which a proxy has to speak, and TRUST_PROXY is 0: all visitors seem to come from that.',
        )
      : fine(
          trustProxy === 0
            ? 'No proxy is trusted.'
            : `TRUST_PROXY is ${trustProxy}: so many have to be yours.`,
        )
  return { about: 'proxy', ...said }
}

const NIST = 8

function passwordsOf({ passwordMinLength }: Config): Finding {
  const said =
    passwordMinLength < NIST
      ? warning(`PASSWORD_MIN_LENGTH is ${passwordMinLength}: NIST and OWASP ask for ${NIST} to 15.`)
      : fine(`Passwords have at least ${passwordMinLength} characters.`)
  return { about: 'passwords', ...said }
}

function limitsOf({ limits, production }: Config): Finding {
  if (limits !== 'off') return { about: 'limits', ...fine('Limits are on.') }
  const says = 'RATE_LIMITS is off: passwords can be guessed as fast as they can be checked.'
  return { about: 'limits', ...(production ? wrong(says) : warning(says)) }
}

/** Between the clocks of nodes; more makes mails go out twice, and sessions end too soon. */
const CLOCK_OFF = 5 * SECOND
const CLOCK_WRONG = MINUTE

async function databaseOf({ database }: Config, now: () => number): Promise<Finding[]> {
  const [, file] = /^sqlite:(.+)$/.exec(database) ?? []
  if (file !== undefined && !existsSync(file)) {
    return [
      { about: 'database', ...warning(`There is no ${file} yet: the site makes it at its first start.`) },
    ]
  }
  try {
    return statesOf(await stateOfDatabase(database, now))
  } catch (error) {
    return [{ about: 'database', ...wrong(messageOf(error)) }]
  }
}

function statesOf(state: DatabaseState): Finding[] {
  const { missing, offset, readOnly, sharing, overdue } = state
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

function sharingOf(names: readonly string[]): Said {
  return warning(
    `These users have the mailbox of another user, and log in by username alone: ${names.join(', ')}. Ask them for another email address, or delete the account that is not used.`,
  )
}

function erasuresOf({ some, obstacle }: Overdue): Said {
  const who = `Accounts should have been erased by now: ${some.join(', ')}.`
  if (obstacle === undefined)
    return warning(`${who} Is the site running? Its log says what keeps it from that.`)
  const { table, constraint, code } = obstacle
  const what = table === undefined ? 'The database' : `The table ${table}`
  return wrong(
    `${who} ${what} still needs the first one (${constraint ?? code}). Let its rows go by "on delete cascade", or delete them in the hook duringErase.`,
  )
}

function migrationsOf(missing: readonly string[]): Said {
  if (missing.length === 0) return fine('The database is up to date.')
  return warning(`The database lacks ${missing.join(', ')}: the next start does them, or gatehouse migrate.`)
}

function clockOf(offset: number): Said {
  const off = Math.abs(offset)
  const words = `This clock is ${offset > 0 ? 'ahead' : 'behind'} by ${timesIn('en').until(off).replace(/^in /, '')}`
  if (off >= CLOCK_WRONG)
    return wrong(`${words}: links, codes and sessions end at the wrong time. Set up NTP.`)
  if (off >= CLOCK_OFF) return warning(`${words}: set up NTP, for nodes have to agree to some seconds.`)
  return fine('The clock is right.')
}

const ROOM = 1024 ** 3
const LITTLE_ROOM = ROOM / 10

function diskOf({ database }: Config): Finding[] {
  const [, file] = /^sqlite:(.+)$/.exec(database) ?? []
  if (file === undefined || !existsSync(dirname(file))) return []
  const { bavail, bsize } = statfsSync(dirname(file))
  const free = bavail * bsize
  const says = `${(free / ROOM).toFixed(1)} GiB are free in ${dirname(file)}.`
  if (free < LITTLE_ROOM) return [{ about: 'disk', ...wrong(`${says} Without room nothing can be written.`) }]
  return [{ about: 'disk', ...(free < ROOM ? warning(`${says} Make room.`) : fine(says)) }]
}

async function mailOf({ mail, production }: Config): Promise<Finding> {
  if (mail === 'off')
    return { about: 'mail', ...warning('MAIL is off: nobody can choose another password by mail.') }
  if (mail === 'caught')
    return { about: 'mail', ...(production ? wrong : warning)('Mails are caught: set SMTP_URL.') }
  const problem = await verifySmtp(mail)
  if (problem === undefined)
    return { about: 'mail', ...fine('The mail server (SMTP_URL) takes our name and password.') }
  return { about: 'mail', ...wrong(`The mail server (SMTP_URL) cannot be used: ${problem}`) }
}

function templatesOf({ templates }: Config): Finding[] {
  return templates.map((folder) => ({ about: 'templates', ...overridesOf(folder) }))
}

function overridesOf(folder: string): Said {
  try {
    const others = otherHtmxIn(folder)
    if (others.length > 0) {
      return warning(
        `An htmx of their own is loaded by ${others.join(', ')} in ${folder}: pages have ours already.`,
      )
    }
    const drifted = compareOverrides(folder).filter(({ state }) => state === 'drifted' || state === 'gone')
    if (drifted.length === 0) return fine(`No original of what ${folder} overrides has changed.`)
    const names = drifted.map(({ name }) => name).join(', ')
    return warning(`Originals have changed of ${names} in ${folder}: gatehouse templates --diff shows how.`)
  } catch (error) {
    return wrong(messageOf(error))
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
