import { join, resolve } from 'node:path'
import type { Hooks } from '../accounts/hooks.js'
import { LIFETIMES, type Lifetimes } from '../accounts/lifetimes.js'
import { LIMITS, type LimitRules } from '../accounts/limit-rules.js'
import type { LoginAfter } from '../accounts/login-methods.js'
import type { SignupMode } from '../accounts/registry.js'
import { root } from '../base/package.js'
import { isPostgresUrl, sqlitePath } from '../database/locate.js'
import type { MailServer } from '../mail/smtp.js'
import type { Transport } from '../mail/transport.js'
import { conflicts, missing } from './config-mistakes.js'
import { type Environment, environmentWith } from './environment.js'

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
  mistakes.push(...missing(given, { production }), ...(data ? conflicts(data, { production }) : []))
  if (data === undefined || mistakes.length > 0) throw new ConfigError(mistakes.join('\n'))
  return Object.freeze(configOf(data, { production }))
}

function configOf(data: Environment, { production }: { production: boolean }): Config {
  const baseUrl = data.BASE_URL === undefined ? undefined : new URL(data.BASE_URL).href.replace(/\/$/, '')
  return {
    ...rulesOf(data),
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
    siteName: data.SITE_NAME,
    features: Object.fromEntries((data.FEATURES_OFF ?? []).map((name) => [name, false])),
    mail: mailOf(data),
    theme: data.THEME,
    themeColor: data.THEME_COLOR,
    hooks: data.HOOKS,
    templates: data.TEMPLATES,
    languages: data.LANGUAGES,
  }
}

/** The rules for accounts, logins and sessions. */
function rulesOf(data: Environment) {
  return {
    passwordMinLength: data.PASSWORD_MIN_LENGTH,
    passwordMinScore: data.PASSWORD_MIN_SCORE,
    signup: data.SIGNUP,
    usernames: data.USERNAMES,
    emails: data.EMAILS,
    loginErrors: data.LOGIN_ERRORS,
    loginAfter: data.LOGIN_AFTER ?? [],
    emailConfirmation: data.EMAIL_CONFIRMATION,
    confirmationGrace: data.CONFIRMATION_GRACE ?? 0,
    privateEmails: data.PRIVATE_EMAILS === 'true',
    secondStep: data.SECOND_STEP,
    secondStepFrom: data.SECOND_STEP_FROM,
    factorRecovery: data.FACTOR_RECOVERY,
    jumpMail: data.MAIL_ON_JUMP === 'on',
    lifetimes: lifetimesOf(data),
    limits: data.RATE_LIMITS === 'off' ? ('off' as const) : data.limits,
  }
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
