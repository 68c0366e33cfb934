import { statSync } from 'node:fs'
import { errorText } from '../base/error-text.js'
import { verifySmtp } from '../mail/smtp.js'
import { siteKeys } from '../secrets/key-file.js'
import { createKeyring } from '../secrets/keyring.js'
import { compareOverrides } from '../views/overrides.js'
import { otherHtmxIn } from '../views/templates.js'
import type { Config } from './config.js'
import { databaseOf, diskOf } from './doctor-database.js'
import { type Finding, fine, type Verdict, warning, wrong } from './finding.js'

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

function givenKeys({ sessionKeys }: Config): Verdict {
  const { ids } = createKeyring(sessionKeys)
  if (new Set(ids).size < ids.length) return warning('SESSION_KEYS names a key twice: remove one of them.')
  return fine(`SESSION_KEYS: ${ids.length === 1 ? 'one key' : `${ids.length} keys`}; ${ids[0]} seals.`)
}

function keptKeys({ keyFile, database }: Config): Verdict {
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
    return wrong(errorText(error))
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

function overridesOf(folder: string): Verdict {
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
    return wrong(errorText(error))
  }
}
