import { existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { delimiter, join, resolve } from 'node:path'
import { z } from 'zod/v3'
import { LIFETIMES, type Lifetimes } from '../accounts/lifetimes.js'
import { LIMITS, type LimitRules, parseLimit } from '../accounts/limits.js'
import { parseDuration } from '../base/durations.js'
import { isPackage, root } from '../base/package.js'
import { isPostgresUrl, sqlitePath, sqliteProblem } from '../database/locate.js'
import { isSender, isSmtpUrl, type MailServer } from '../mail/smtp.js'
import { createKeyring, splitKeys } from '../secrets/keyring.js'
import { foldersIn, isFolder } from '../views/templates.js'
import { COOKIE_NAME, COOKIE_NAME_RULE, isCookieName } from '../web/sealed-cookie.js'

/** What the environment says, checked; every variable is described in `.env.example`. */
export interface Config {
  readonly production: boolean
  /** Whether `NODE_ENV` says so: pages under `/dev/`, details on error pages, templates that are read anew. */
  readonly development: boolean
  readonly port: number
  readonly host: string
  readonly logLevel: string
  /** The address people see, without a path; undefined unless it was set. */
  readonly baseUrl: string | undefined
  /** Whether `baseUrl` is https. */
  readonly https: boolean
  /** What the site's cookies are called, before the words that tell them apart. */
  readonly cookieName: string
  /** `sqlite:<absolute path>` or `postgres://…`, which may hold a password. */
  readonly database: string
  /** Where figures for Prometheus are; undefined if nowhere. */
  readonly metrics:
    | { readonly token: string }
    /** On a port of their own; without a token whoever reaches that gets them. */
    | { readonly port: number; readonly host: string; readonly token?: string }
    | undefined
  /** Newest first; empty if they are kept in the key file. */
  readonly sessionKeys: readonly string[]
  /** Beside the database; beside where SQLite's would be if it is on a server. */
  readonly keyFile: string
  /** How many processes serve the site on this machine. */
  readonly workers: number
  /** How many connections a process keeps open at most. */
  readonly maxConnections: number
  /** How many proxies in front of the site are ours. */
  readonly trustProxy: number
  readonly passwordMinLength: number
  /** Whether pages are compressed here, and not by a proxy. */
  readonly compression: boolean
  /** The server that takes mails, whose address may hold a password; without one they are caught, or switched off. */
  readonly mail: MailServer | 'caught' | 'off'
  /** Whether pages are light or dark, or as the visitor's system says. */
  readonly theme: 'auto' | 'light' | 'dark'
  /** Whether an address has to be confirmed before the first login. */
  readonly emailConfirmation: 'optional' | 'required'
  /** Whether nobody can find out who has an account by e-mail. */
  readonly privateEmails: boolean
  /** Whether a mail tells the owner of a session that is used from another network and by another browser at once. */
  readonly jumpMail: boolean
  /** How long what lasts, in milliseconds. */
  readonly lifetimes: Lifetimes
  /** How often what may be done; `off` for load tests. */
  readonly limits: LimitRules | 'off'
  /** The module with the site's hooks, absolute; undefined if there are none. */
  readonly hooks: string | undefined
  /** Folders with templates that take the place of ours, absolute; the first one that has a template counts. */
  readonly templates: readonly string[]
  /** The languages that visitors can choose from; undefined for all that there are. */
  readonly languages: readonly string[] | undefined
}

/** Everything that is wrong with the environment, one sentence a line, each naming its variable. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

const ENVIRONMENTS = ['development', 'production', 'test'] as const
const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const

const DATA = join(root, 'db', 'data')

const environment = z.object({
  NODE_ENV: z.enum(ENVIRONMENTS, { message: `has to be one of ${ENVIRONMENTS.join(', ')}` }).optional(),
  PORT: wholeNumber(0, 65_535).default('3000'),
  HOST: z.string().optional(),
  LOG_LEVEL: z.enum(LOG_LEVELS, { message: `has to be one of ${LOG_LEVELS.join(', ')}` }).default('info'),
  BASE_URL: z
    .string()
    .refine(
      isOrigin,
      'has to be http:// or https:// and a host, without a path: the site needs an address of its own, and a proxy must not take a path off',
    )
    .optional(),
  COOKIE_NAME: z.string().refine(isCookieName, `has to be ${COOKIE_NAME_RULE}`).default(COOKIE_NAME),
  DATABASE_URL: z
    .string()
    .transform((url) => url.trim())
    .superRefine((url, context) => {
      const message = isPostgresUrl(url) ? undefined : sqliteProblem(url)
      if (message !== undefined) context.addIssue({ code: 'custom', message })
    })
    .optional(),
  SESSION_KEYS: z
    .string()
    .transform(splitKeys)
    .refine(areKeys, 'has to be keys of 32 random bytes as base64url (43 characters), separated by commas')
    .default(''),
  WEB_CONCURRENCY: z
    .string()
    .transform((text) => (text === 'auto' ? String(availableParallelism()) : text))
    .pipe(wholeNumber(1, 512, ', or auto'))
    .default('1'),
  MAX_CONNECTIONS: wholeNumber(1, 100_000).default('1000'),
  TRUST_PROXY: wholeNumber(0, 100).default('0'),
  COMPRESSION: z.enum(['on', 'off'], { message: 'has to be on or off' }).default('on'),
  // A login shell sets it to the file of the user's own mailbox.
  MAIL: z.preprocess(
    (value) => (String(value ?? '/').startsWith('/') ? 'on' : value),
    z.enum(['on', 'off'], { message: 'has to be on or off' }),
  ),
  SMTP_URL: z
    .string()
    .refine(
      isSmtpUrl,
      'has to be smtp://<user>:<password>@<host>:<port> or smtps://…, special characters as %..',
    )
    .optional(),
  MAIL_FROM: z
    .string()
    .refine(isSender, 'has to be an address, such as no-reply@example.com or Example <no-reply@example.com>')
    .optional(),
  EMAIL_CONFIRMATION: z
    .enum(['optional', 'required'], { message: 'has to be optional or required' })
    .default('optional'),
  PRIVATE_EMAILS: z.enum(['true', 'false'], { message: 'has to be true or false' }).default('false'),
  MAIL_ON_JUMP: z.enum(['on', 'off'], { message: 'has to be on or off' }).default('off'),
  THEME: z.enum(['auto', 'light', 'dark'], { message: 'has to be auto, light or dark' }).default('auto'),
  PASSWORD_MIN_LENGTH: wholeNumber(6, 128).default('8'),
  SESSION_IDLE: duration().optional(),
  SESSION_KEPT_IDLE: duration().optional(),
  SESSION_MAX: duration().optional(),
  EVENTS_KEPT: duration().optional(),
  RATE_LIMITS: z.enum(['on', 'off'], { message: 'has to be on or off' }).default('on'),
  LIMIT_LOGIN_NAME: limit().optional(),
  LIMIT_LOGIN_ACCOUNT: limit().optional(),
  LIMIT_LOGIN_NETWORK: limit().optional(),
  LIMIT_LOGIN_ROW: limit().optional(),
  LIMIT_LOGIN_DEVICE: limit().optional(),
  LIMIT_SIGNUP_NETWORK: limit().optional(),
  LIMIT_MAIL_ADDRESS: limit().optional(),
  LIMIT_MAIL_ACCOUNT: limit().optional(),
  LIMIT_MAIL_FAILURES: limit().optional(),
  LIMIT_MAIL_NETWORK: limit().optional(),
  LIMIT_MAIL_PAUSE: limit().optional(),
  LIMIT_CODE_ACCOUNT: limit().optional(),
  LIMIT_CODE_NETWORK: limit().optional(),
  LIMIT_CODE_SITE: limit().optional(),
  LIMIT_RENAME_ACCOUNT: limit().optional(),
  LIMIT_ADVICE_NETWORK: limit().optional(),
  LIMIT_TAKEN_NETWORK: limit().optional(),
  METRICS_TOKEN: z
    .string()
    .regex(/^[\x21-\x7e]{16,}$/, 'has to be at least 16 letters, digits and signs, without spaces')
    .optional(),
  METRICS_PORT: wholeNumber(0, 65_535).optional(),
  METRICS_HOST: z.string().default('127.0.0.1'),
  HOOKS: z
    .string()
    .transform((file) => resolve(file.trim()))
    .refine((file) => existsSync(file), 'has to be a module, such as hooks.js')
    .optional(),
  TEMPLATES: z
    .string()
    .transform(foldersIn)
    .refine(
      (folders) => folders.every(isFolder),
      (folders) => ({
        message: `has to be folders separated by ${delimiter}; there is no ${folders.find((folder) => !isFolder(folder))}`,
      }),
    )
    .default(''),
  LANGUAGES: z
    .string()
    .transform((text) => text.split(',').map((tag) => tag.trim()))
    .refine(
      (tags) => tags.every((tag) => /^[\w-]+$/.test(tag)),
      'has to be languages separated by commas, such as en,ru',
    )
    .optional(),
})

type Environment = z.infer<typeof environment>

/** Reads the environment. Throws `ConfigError` with all mistakes at once; variables it does not know are let be. */
export function readConfig(variables: NodeJS.ProcessEnv): Config {
  const given = Object.entries(variables).filter(([, value]) => value !== undefined && value.trim() !== '')
  const { data, error } = environment.safeParse(Object.fromEntries(given))
  const mistakes = error?.issues.map(({ path, message }) => `${path.join('.')} ${message}.`) ?? []
  const production = variables.NODE_ENV?.trim() === 'production'
  if (production) mistakes.push(...missingInProduction(given))
  if (isPackage) mistakes.push(...missingInPackage(given, { production }))
  if (data !== undefined) mistakes.push(...mailMistakes(data, { production }))
  if (data === undefined || mistakes.length > 0) throw new ConfigError(mistakes.join('\n'))
  const { database, keyFile } = placesOf(data.DATABASE_URL)
  const baseUrl = data.BASE_URL === undefined ? undefined : new URL(data.BASE_URL).origin
  return Object.freeze({
    production,
    development: data.NODE_ENV === 'development',
    port: data.PORT,
    host: data.HOST ?? (production ? '0.0.0.0' : '127.0.0.1'),
    logLevel: data.LOG_LEVEL,
    baseUrl,
    https: baseUrl?.startsWith('https:') ?? false,
    cookieName: data.COOKIE_NAME,
    database,
    metrics: metricsOf(data),
    sessionKeys: data.SESSION_KEYS,
    keyFile,
    workers: data.WEB_CONCURRENCY,
    maxConnections: data.MAX_CONNECTIONS,
    trustProxy: data.TRUST_PROXY,
    compression: data.COMPRESSION === 'on',
    passwordMinLength: data.PASSWORD_MIN_LENGTH,
    mail: mailOf(data),
    theme: data.THEME,
    emailConfirmation: data.EMAIL_CONFIRMATION,
    privateEmails: data.PRIVATE_EMAILS === 'true',
    jumpMail: data.MAIL_ON_JUMP === 'on',
    lifetimes: lifetimesOf(data),
    limits: data.RATE_LIMITS === 'off' ? 'off' : limitsOf(data),
    hooks: data.HOOKS,
    templates: data.TEMPLATES,
    languages: data.LANGUAGES,
  })
}

function missingInProduction(given: [string, string | undefined][]): string[] {
  const { BASE_URL, DATABASE_URL = '', SESSION_KEYS = '' } = Object.fromEntries(given)
  const missing = []
  if (BASE_URL === undefined) {
    missing.push('BASE_URL has to be set in production: the address people see, such as https://example.com.')
  }
  if (splitKeys(SESSION_KEYS).length === 0 && isPostgresUrl(DATABASE_URL)) {
    missing.push(
      'SESSION_KEYS has to be set in production with PostgreSQL: all nodes on one database need the same keys.',
    )
  }
  return missing
}

// The defaults lie in the folder of the project, which then is npm's.
function missingInPackage(
  given: [string, string | undefined][],
  { production }: { production: boolean },
): string[] {
  const { DATABASE_URL, SESSION_KEYS = '' } = Object.fromEntries(given)
  if (DATABASE_URL === undefined) {
    return [
      'DATABASE_URL has to be set where Gatehouse is a package: the database that your site gives to accounts(), such as sqlite:accounts.sqlite.',
    ]
  }
  // Production has asked for them already.
  if (production || !isPostgresUrl(DATABASE_URL) || splitKeys(SESSION_KEYS).length > 0) return []
  return [
    'SESSION_KEYS has to be set where Gatehouse is a package, and on PostgreSQL: the keys that your site gives to accounts().',
  ]
}

function mailMistakes(data: Environment, { production }: { production: boolean }): string[] {
  const mistakes = []
  const isOff = data.MAIL === 'off'
  if (production && !isOff && data.SMTP_URL === undefined) {
    mistakes.push(
      'SMTP_URL has to be set in production: the server that takes mails. MAIL=off does without mails and what needs them.',
    )
  }
  if (!production && !isOff && data.SMTP_URL !== undefined && data.BASE_URL === undefined) {
    mistakes.push('BASE_URL has to be set with SMTP_URL: the links in mails begin with it.')
  }
  if (isOff && data.EMAIL_CONFIRMATION === 'required') {
    mistakes.push('EMAIL_CONFIRMATION cannot be required with MAIL=off: no address could be confirmed.')
  }
  if (data.PRIVATE_EMAILS === 'true' && data.EMAIL_CONFIRMATION !== 'required') {
    mistakes.push('EMAIL_CONFIRMATION has to be required with PRIVATE_EMAILS=true.')
  }
  if (isOff && data.MAIL_ON_JUMP === 'on') {
    mistakes.push('MAIL_ON_JUMP cannot be on with MAIL=off.')
  }
  return mistakes
}

function mailOf({ MAIL, SMTP_URL, MAIL_FROM, BASE_URL = 'http://localhost' }: Environment): Config['mail'] {
  if (MAIL === 'off') return 'off'
  if (SMTP_URL === undefined) return 'caught'
  return { url: SMTP_URL, from: MAIL_FROM ?? `no-reply@${new URL(BASE_URL).hostname}` }
}

function metricsOf({ METRICS_TOKEN, METRICS_PORT, METRICS_HOST }: Environment): Config['metrics'] {
  const token = METRICS_TOKEN === undefined ? undefined : { token: METRICS_TOKEN }
  return METRICS_PORT === undefined ? token : { ...token, port: METRICS_PORT, host: METRICS_HOST }
}

function placesOf(url: string | undefined): { database: string; keyFile: string } {
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

function limitsOf(data: Environment): LimitRules {
  return {
    loginName: data.LIMIT_LOGIN_NAME ?? LIMITS.loginName,
    loginAccount: data.LIMIT_LOGIN_ACCOUNT ?? LIMITS.loginAccount,
    loginNetwork: data.LIMIT_LOGIN_NETWORK ?? LIMITS.loginNetwork,
    loginRow: data.LIMIT_LOGIN_ROW ?? LIMITS.loginRow,
    loginDevice: data.LIMIT_LOGIN_DEVICE ?? LIMITS.loginDevice,
    signupNetwork: data.LIMIT_SIGNUP_NETWORK ?? LIMITS.signupNetwork,
    mailAddress: data.LIMIT_MAIL_ADDRESS ?? LIMITS.mailAddress,
    mailAccount: data.LIMIT_MAIL_ACCOUNT ?? LIMITS.mailAccount,
    mailFailures: data.LIMIT_MAIL_FAILURES ?? LIMITS.mailFailures,
    mailNetwork: data.LIMIT_MAIL_NETWORK ?? LIMITS.mailNetwork,
    mailPause: data.LIMIT_MAIL_PAUSE ?? LIMITS.mailPause,
    codeAccount: data.LIMIT_CODE_ACCOUNT ?? LIMITS.codeAccount,
    codeNetwork: data.LIMIT_CODE_NETWORK ?? LIMITS.codeNetwork,
    codeSite: data.LIMIT_CODE_SITE ?? LIMITS.codeSite,
    renameAccount: data.LIMIT_RENAME_ACCOUNT ?? LIMITS.renameAccount,
    adviceNetwork: data.LIMIT_ADVICE_NETWORK ?? LIMITS.adviceNetwork,
    takenNetwork: data.LIMIT_TAKEN_NETWORK ?? LIMITS.takenNetwork,
  }
}

function wholeNumber(min: number, max: number, otherwise = '') {
  const sentence = `has to be a whole number from ${min} to ${max}${otherwise}`
  return z
    .string()
    .regex(/^\d{1,6}$/, sentence)
    .transform(Number)
    .refine((number) => number >= min && number <= max, sentence)
}

function duration() {
  return parsed(parseDuration, 'has to be a duration such as 90s, 30m, 12h or 30d')
}

function limit() {
  return parsed(parseLimit, 'has to be a number of times in a duration, such as 5/5m or 100/1h')
}

function parsed<Value>(parse: (text: string) => Value | undefined, sentence: string) {
  return z.string().transform((text, context): Value => {
    const value = parse(text)
    if (value !== undefined) return value
    context.addIssue({ code: 'custom', message: sentence })
    return z.NEVER
  })
}

/** Whether it is http:// or https:// and a host, without a path. */
export function isOrigin(address: string): boolean {
  if (!URL.canParse(address)) return false
  const url = new URL(address)
  return /^https?:$/.test(url.protocol) && url.href === `${url.origin}/`
}

function areKeys(keys: string[]): boolean {
  try {
    createKeyring(keys)
    return true
  } catch {
    return keys.length === 0
  }
}
