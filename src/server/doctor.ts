import { statSync } from 'node:fs'
import { errorText } from '../base/error-text.js'
import { verifySmtp } from '../mail/smtp.js'
import { siteKeys } from '../secrets/key-file.js'
import { createKeyring } from '../secrets/keyring.js'
import { compareOverrides } from '../views/overrides.js'
import { otherHtmxIn } from '../views/templates.js'
import type { AppOfFile, Config } from './config.js'
import { databaseOf, diskOf } from './doctor-database.js'
import { type Finding, fine, type Verdict, warning, wrong } from './finding.js'

export async function checkSite(config: Config, now: () => number): Promise<Finding[]> {
  const { app } = config
  const findings = await findingsOf(config, now)
  if (app === undefined) return [environmentOf(config), ...findings]
  const read: Finding = { about: 'options', ...fine(`They are those of ${app.file}.`) }
  return [
    read,
    environmentOfApp(config),
    ...findings.map(({ says, ...finding }) => ({ ...finding, says: asOptions(says) })),
  ]
}

const OPTIONS: Readonly<Record<string, string>> = {
  BASE_URL: 'baseUrl',
  DATABASE_URL: 'database',
  EMAILS: 'emails',
  MAIL: 'mail',
  PASSKEY_DOMAIN: 'passkeyDomain',
  PASSWORD_MIN_LENGTH: 'passwordMinLength',
  RATE_LIMITS: 'limits',
  SECOND_STEP: 'secondStep',
  SESSION_KEYS: 'keys',
  SMTP_URL: 'mail',
}

function asOptions(sentence: string): string {
  return sentence.replaceAll(/\b[A-Z_]+\b/g, (word) => OPTIONS[word] ?? word)
}

async function findingsOf(config: Config, now: () => number): Promise<Finding[]> {
  return [
    keysOf(config),
    cookieOf(config),
    config.app === undefined ? proxyOf(config) : proxyOfApp(config.app, config),
    passwordsOf(config),
    limitsOf(config),
    ...(await databaseOf(config, now)),
    ...diskOf(config),
    await mailOf(config),
    ...templatesOf(config),
  ]
}

function environmentOf({ production, development }: Config): Finding {
  const verdict = production
    ? fine('NODE_ENV is production.')
    : warning(
        `NODE_ENV is not production. ${development ? 'Error pages show details, and the pages under /dev/ are on' : 'Emails may be caught instead of sent'}. Set it on a public site.`,
      )
  return { about: 'environment', ...verdict }
}

// The app ignores NODE_ENV of this shell. It only says whether a public site is checked.
function environmentOfApp({ production, development }: Config): Finding {
  const hint = 'To check the options as those of a public site, run the command with NODE_ENV=production.'
  const isOn = 'development is true. Error pages show details, and the pages under /dev/ are on.'
  if (development) {
    return {
      about: 'environment',
      ...(production ? wrong(`${isOn} Remove the option.`) : warning(`${isOn} ${hint}`)),
    }
  }
  const verdict = production
    ? fine('The options are checked as those of a public site, because NODE_ENV is production here.')
    : warning(`NODE_ENV is not production here. ${hint}`)
  return { about: 'environment', ...verdict }
}

function keysOf(config: Config): Finding {
  return { about: 'keys', ...(config.sessionKeys.length > 0 ? givenKeys(config) : keptKeys(config)) }
}

function givenKeys({ sessionKeys }: Config): Verdict {
  const { ids } = createKeyring(sessionKeys)
  if (new Set(ids).size < ids.length) return warning('SESSION_KEYS has the same key twice. Remove one.')
  return fine(
    `SESSION_KEYS holds ${ids.length === 1 ? '1 key' : `${ids.length} keys`}. The current one is ${ids[0]}.`,
  )
}

function keptKeys({ keyFile, database }: Config): Verdict {
  const file = statSync(keyFile, { throwIfNoEntry: false })
  if (file === undefined)
    return warning(`There is no key file ${keyFile} yet. The site creates it at its first start.`)
  try {
    const { ids } = createKeyring(siteKeys({ sessionKeys: [], keyFile }))
    if ((file.mode & 0o077) !== 0)
      return wrong(
        `Other users can read the key file ${keyFile}. Run chmod 600 on it, then gatehouse keys rotate.`,
      )
    if (!database.startsWith('sqlite:')) {
      return warning(
        `The key file ${keyFile} belongs to this node only. With several nodes, set SESSION_KEYS.`,
      )
    }
    return fine(`Only its owner can read the key file ${keyFile}. The current key is ${ids[0]}.`)
  } catch (error) {
    return wrong(errorText(error))
  }
}

function cookieOf({ https, baseUrl, cookiePath, production }: Config): Finding {
  if (https)
    return {
      about: 'cookie',
      ...fine(
        `Cookies are Secure with the ${cookiePath === '/' ? '__Host-' : '__Secure-'} prefix, because BASE_URL is https.`,
      ),
    }
  const says = `Cookies are not Secure, because BASE_URL is ${baseUrl ?? 'not set'}. Set it to the https address people use.`
  return { about: 'cookie', ...(production ? wrong(says) : warning(says)) }
}

function proxyOf({ trustProxy, https }: Config): Finding {
  const verdict =
    https && trustProxy === 0
      ? warning(
          'BASE_URL is https but TRUST_PROXY is 0. Behind a proxy, all visitors appear to have its IP address. Set TRUST_PROXY to the number of your proxies.',
        )
      : fine(
          trustProxy === 0
            ? 'No proxy is trusted.'
            : `TRUST_PROXY is ${trustProxy}. Make sure that exactly ${trustProxy === 1 ? '1 proxy in front of the site is' : `${trustProxy} proxies in front of the site are`} yours.`,
        )
  return { about: 'proxy', ...verdict }
}

function proxyOfApp({ readsAddresses, activity }: AppOfFile, { https }: Config): Finding {
  const compare =
    activity === undefined ? '' : ` Log in, and compare your IP address with the one at ${activity}.`
  if (readsAddresses)
    return { about: 'proxy', ...fine(`Your function address reads the IP address of visitors.${compare}`) }
  const says = `Commands cannot see app.proxy of your app. Behind a proxy it must be true, or all visitors appear to have the IP address of the proxy. Without one it must be false, or visitors choose theirs.${compare}`
  return { about: 'proxy', ...(https ? warning(says) : fine(says)) }
}

const NIST = 8

function passwordsOf({ passwordMinLength }: Config): Finding {
  const verdict =
    passwordMinLength < NIST
      ? warning(`PASSWORD_MIN_LENGTH is ${passwordMinLength}. NIST and OWASP recommend ${NIST} to 15.`)
      : fine(`Passwords have at least ${passwordMinLength} characters.`)
  return { about: 'passwords', ...verdict }
}

function limitsOf({ limits, production }: Config): Finding {
  if (limits !== 'off') return { about: 'limits', ...fine('Rate limits are on.') }
  const says = 'RATE_LIMITS is off. Passwords can be guessed as fast as they can be checked.'
  return { about: 'limits', ...(production ? wrong(says) : warning(says)) }
}

async function mailOf({ mail, emails, production }: Config): Promise<Finding> {
  if (emails === 'none') {
    const says = 'EMAILS is none. Accounts have no address, so no mail server is needed.'
    return { about: 'mail', ...fine(`${says} Reset forgotten passwords with gatehouse users reset.`) }
  }
  if (mail === 'off')
    return { about: 'mail', ...warning('MAIL is off. Nobody can reset a password by email.') }
  if (mail === 'caught')
    return { about: 'mail', ...(production ? wrong : warning)('Emails are caught, not sent. Set SMTP_URL.') }
  if ('send' in mail) return { about: 'mail', ...fine('Your app sends emails itself.') }
  const problem = await verifySmtp(mail)
  if (problem === undefined)
    return { about: 'mail', ...fine('The mail server (SMTP_URL) accepts the login.') }
  return { about: 'mail', ...wrong(`The mail server (SMTP_URL) does not work: ${problem}`) }
}

function templatesOf({ templates }: Config): Finding[] {
  return templates.map((folder) => ({ about: 'templates', ...overridesOf(folder) }))
}

function overridesOf(folder: string): Verdict {
  try {
    const others = otherHtmxIn(folder)
    if (others.length > 0) {
      return warning(
        `Templates in ${folder} load their own htmx: ${others.join(', ')}. Pages already have it. Remove the script.`,
      )
    }
    const drifted = compareOverrides(folder).filter(({ state }) => state === 'drifted' || state === 'gone')
    if (drifted.length === 0) return fine(`All overrides in ${folder} are up to date.`)
    const names = drifted.map(({ name }) => name).join(', ')
    return warning(`Outdated overrides in ${folder}: ${names}. Run gatehouse templates --diff.`)
  } catch (error) {
    return wrong(errorText(error))
  }
}
