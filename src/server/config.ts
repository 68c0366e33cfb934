import { join, resolve } from 'node:path'
import type { Hooks } from '../accounts/hooks.js'
import { LIFETIMES, type Lifetimes } from '../accounts/lifetimes.js'
import { LIMITS, type LimitRules } from '../accounts/limit-rules.js'
import type { LoginAfter } from '../accounts/login-methods.js'
import type { SignupMode } from '../accounts/registry.js'
import { isPackage, root } from '../base/package.js'
import { isPostgresUrl, sqlitePath } from '../database/locate.js'
import type { MailServer } from '../mail/smtp.js'
import type { Transport } from '../mail/transport.js'
import { splitKeys } from '../secrets/keyring.js'
import { basePathOf } from '../web/base-path.js'
import { coversPages } from '../web/sealed-cookie.js'
import { type Environment, environmentWith, isPasskeyDomain } from './environment.js'
import { mailMistakes } from './mail-mistakes.js'

const DATA = join(root, 'db', 'data')

/** An app that mounts Gatehouse, as far as a command can know it. */
export interface AppOfFile {
  /** The file that exports its options. */
  readonly file: string
  /** Whether it reads the addresses of browsers itself. */
  readonly readsAddresses: boolean
  /** The path of the page that shows users their addresses. */
  readonly activity: string | undefined
}

/** The checked environment. `.env.example` describes every variable and its default. */
export interface Config {
  readonly app?: AppOfFile
  readonly production: boolean
  readonly development: boolean
  readonly port: number
  readonly host: string
  readonly logLevel: string
  readonly baseUrl: string | undefined
  readonly https: boolean
  /** A parent domain of the host of `baseUrl`; by default that host. */
  readonly passkeyDomain: string | undefined
  readonly passkeyOrigins: readonly string[] | undefined
  readonly cookieName: string
  readonly cookiePath: string
  /** `sqlite:<absolute path>` or `postgres://…`, which may contain a password. */
  readonly database: string
  readonly metrics:
    | { readonly token: string }
    /** Without a token anyone who can reach the port can read the metrics. */
    | { readonly port: number; readonly host: string; readonly token?: string }
    | undefined
  /** Newest first. Empty if the keys are in the key file. */
  readonly sessionKeys: readonly string[]
  readonly keyFile: string
  readonly workers: number
  readonly maxConnections: number
  readonly trustProxy: number
  readonly passwordMinLength: number
  /** 0 to 4, by zxcvbn. */
  readonly passwordMinScore: number
  readonly siteName: string
  readonly signup: SignupMode
  readonly usernames: 'chosen' | 'made'
  readonly emails: 'required' | 'none'
  readonly loginErrors: 'exact' | 'generic'
  readonly loginAfter: readonly LoginAfter[]
  /** Features to switch off: `{ 'account/close': false }`. */
  readonly features: Readonly<Record<string, boolean>>
  readonly compression: boolean
  /** The address of the mail server may contain a password. */
  readonly mail: MailServer | Transport | 'caught' | 'off'
  readonly theme: 'auto' | 'light' | 'dark'
  /** `#rrggbb`. */
  readonly themeColor: string | undefined
  readonly emailConfirmation: 'optional' | 'required'
  /** Milliseconds. */
  readonly confirmationGrace: number
  /** Whether pages hide which email addresses have accounts. */
  readonly privateEmails: boolean
  readonly secondStep: 'optional' | 'admins' | 'required'
  readonly secondStepFrom: Date | undefined
  /** Milliseconds. */
  readonly factorRecovery: number | 'off'
  /** Whether to email the owner of a session used from another network and browser at once. */
  readonly jumpMail: boolean
  /** Milliseconds. */
  readonly lifetimes: Lifetimes
  readonly limits: LimitRules | 'off'
  readonly hooks: string | Hooks | undefined
  readonly templates: readonly string[]
  readonly languages: readonly string[] | undefined
}

/** One line for each mistake, naming its variable. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

export function readConfig(variables: NodeJS.ProcessEnv, limits: LimitRules = LIMITS): Config {
  const given = Object.entries(variables).filter(([, value]) => value !== undefined && value.trim() !== '')
  const { data, error } = environmentWith(limits).safeParse(Object.fromEntries(given))
  const mistakes = error?.issues.map(({ path, message }) => `${path.join('.')} ${message}.`) ?? []
  const production = variables.NODE_ENV?.trim() === 'production'
  if (production) mistakes.push(...missingInProduction(given))
  if (isPackage) mistakes.push(...missingInPackage(given, { production }))
  if (data !== undefined) mistakes.push(...mailMistakes(data, { production }))
  if (data !== undefined && !coversPages(data.COOKIE_PATH, basePathOf({ baseUrl: data.BASE_URL }))) {
    mistakes.push('COOKIE_PATH must be / or a prefix of the path in BASE_URL.')
  }
  if (data?.PASSKEY_DOMAIN !== undefined && !isPasskeyDomain(data.PASSKEY_DOMAIN, data.BASE_URL)) {
    mistakes.push('PASSKEY_DOMAIN must be the host of BASE_URL or a parent domain of it.')
  }
  if (data?.PASSKEY_ORIGINS !== undefined && data.BASE_URL === undefined) {
    mistakes.push('BASE_URL must be set with PASSKEY_ORIGINS.')
  }
  if (data?.SECOND_STEP_FROM !== undefined && data.SECOND_STEP === 'optional') {
    mistakes.push('SECOND_STEP must be required or admins with SECOND_STEP_FROM.')
  }
  if (data === undefined || mistakes.length > 0) throw new ConfigError(mistakes.join('\n'))
  return Object.freeze(configOf(data, { production }))
}

function configOf(data: Environment, { production }: { production: boolean }): Config {
  const baseUrl = data.BASE_URL === undefined ? undefined : new URL(data.BASE_URL).href.replace(/\/$/, '')
  return {
    production,
    development: data.NODE_ENV === 'development',
    port: data.PORT,
    host: data.HOST ?? (production ? '0.0.0.0' : '127.0.0.1'),
    logLevel: data.LOG_LEVEL,
    baseUrl,
    https: baseUrl?.startsWith('https:') ?? false,
    passkeyDomain: data.PASSKEY_DOMAIN,
    passkeyOrigins: data.PASSKEY_ORIGINS,
    cookieName: data.COOKIE_NAME,
    cookiePath: data.COOKIE_PATH,
    ...storageOf(data.DATABASE_URL),
    metrics: metricsOf(data),
    sessionKeys: data.SESSION_KEYS,
    workers: data.WEB_CONCURRENCY,
    maxConnections: data.MAX_CONNECTIONS,
    trustProxy: data.TRUST_PROXY,
    compression: data.COMPRESSION === 'on',
    passwordMinLength: data.PASSWORD_MIN_LENGTH,
    passwordMinScore: data.PASSWORD_MIN_SCORE,
    siteName: data.SITE_NAME,
    signup: data.SIGNUP,
    usernames: data.USERNAMES,
    emails: data.EMAILS,
    loginErrors: data.LOGIN_ERRORS,
    loginAfter: data.LOGIN_AFTER ?? [],
    features: Object.fromEntries((data.FEATURES_OFF ?? []).map((name) => [name, false])),
    mail: mailOf(data),
    theme: data.THEME,
    themeColor: data.THEME_COLOR,
    emailConfirmation: data.EMAIL_CONFIRMATION,
    confirmationGrace: data.CONFIRMATION_GRACE ?? 0,
    privateEmails: data.PRIVATE_EMAILS === 'true',
    secondStep: data.SECOND_STEP,
    secondStepFrom: data.SECOND_STEP_FROM,
    factorRecovery: data.FACTOR_RECOVERY,
    jumpMail: data.MAIL_ON_JUMP === 'on',
    lifetimes: lifetimesOf(data),
    limits: data.RATE_LIMITS === 'off' ? 'off' : data.limits,
    hooks: data.HOOKS,
    templates: data.TEMPLATES,
    languages: data.LANGUAGES,
  }
}

function missingInProduction(given: [string, string | undefined][]): string[] {
  const { BASE_URL, DATABASE_URL = '', SESSION_KEYS = '' } = Object.fromEntries(given)
  const missing = []
  if (BASE_URL === undefined) {
    missing.push(
      'BASE_URL must be set in production. It is the address people see, such as https://example.com.',
    )
  }
  if (splitKeys(SESSION_KEYS).length === 0 && isPostgresUrl(DATABASE_URL)) {
    missing.push(
      'SESSION_KEYS must be set in production with PostgreSQL. All nodes on one database need the same keys.',
    )
  }
  return missing
}

// The default paths are in the folder of Gatehouse, which belongs to npm if Gatehouse is a dependency.
function missingInPackage(
  given: [string, string | undefined][],
  { production }: { production: boolean },
): string[] {
  const { DATABASE_URL, SESSION_KEYS = '' } = Object.fromEntries(given)
  if (DATABASE_URL === undefined) {
    return [
      'DATABASE_URL must be set if Gatehouse is a dependency of your app. It is the database you pass to accounts(), such as sqlite:accounts.sqlite. Or export your options in gatehouse.config.js.',
    ]
  }
  if (production || !isPostgresUrl(DATABASE_URL) || splitKeys(SESSION_KEYS).length > 0) return []
  return [
    'SESSION_KEYS must be set if Gatehouse is a dependency of your app and uses PostgreSQL. These are the keys you pass to accounts().',
  ]
}

function mailOf({
  MAIL,
  EMAILS,
  SMTP_URL,
  MAIL_FROM,
  BASE_URL = 'http://localhost',
}: Environment): Config['mail'] {
  if (MAIL === 'off' || EMAILS === 'none') return 'off'
  if (SMTP_URL === undefined) return 'caught'
  return { url: SMTP_URL, from: MAIL_FROM ?? `no-reply@${new URL(BASE_URL).hostname}` }
}

function metricsOf({ METRICS_TOKEN, METRICS_PORT, METRICS_HOST }: Environment): Config['metrics'] {
  const token = METRICS_TOKEN === undefined ? undefined : { token: METRICS_TOKEN }
  return METRICS_PORT === undefined ? token : { ...token, port: METRICS_PORT, host: METRICS_HOST }
}

function storageOf(url: string | undefined): { database: string; keyFile: string } {
  if (url !== undefined && isPostgresUrl(url)) return { database: url, keyFile: join(DATA, 'gatehouse.key') }
  const file = url === undefined ? join(DATA, 'gatehouse.sqlite') : resolve(sqlitePath(url))
  return { database: `sqlite:${file}`, keyFile: `${file}.key` }
}

function lifetimesOf(data: Environment): Lifetimes {
  return {
    ...LIFETIMES,
    idle: data.SESSION_IDLE ?? LIFETIMES.idle,
    keptIdle: data.SESSION_KEPT_IDLE ?? LIFETIMES.keptIdle,
    max: data.SESSION_MAX ?? LIFETIMES.max,
    events: data.EVENTS_KEPT ?? LIFETIMES.events,
  }
}
