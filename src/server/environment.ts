import { existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { delimiter, resolve } from 'node:path'
import { z } from 'zod/v3'
import { type LimitRules, parseLimit } from '../accounts/limit-rules.js'
import type { LoginAfter } from '../accounts/login-methods.js'
import { parseDuration } from '../base/durations.js'
import { isPostgresUrl, sqliteProblem } from '../database/locate.js'
import { isSender, isSmtpUrl } from '../mail/smtp.js'
import { createKeyring, splitKeys } from '../secrets/keyring.js'
import { foldersIn, isFolder } from '../views/templates.js'
import { COOKIE_NAME } from '../web/sealed-cookie.js'
import { SITE_NAME } from '../web/site.js'
import { isBaseUrl, isLoginAfter, isSecureOrigin, isWait, oneOf, RULES, wholeNumber } from './option-rules.js'

const ENVIRONMENTS = ['development', 'production', 'test'] as const
const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const

const DAY_RULE = 'must be a day such as 2027-03-01, which begins at midnight UTC'

const variables = z.object({
  NODE_ENV: z.enum(ENVIRONMENTS, { message: 'must be development, production or test' }).optional(),
  PORT: numeric(wholeNumber(0, 65_535)).default('3000'),
  HOST: z.string().optional(),
  LOG_LEVEL: z.enum(LOG_LEVELS, { message: `must be one of ${LOG_LEVELS.join(', ')}` }).default('info'),
  BASE_URL: z
    .string()
    .refine(
      isBaseUrl,
      'must be http:// or https:// and a host, and a path like /members only if your proxy strips it',
    )
    .optional(),
  PASSKEY_DOMAIN: z.string().optional(),
  PASSKEY_ORIGINS: z
    .string()
    .transform((text) => text.split(',').map((address) => address.trim()))
    .refine(
      (addresses) => addresses.every(isSecureOrigin),
      'must be https:// and a host, without a path, or several separated by commas',
    )
    .optional(),
  COOKIE_NAME: RULES.cookieName.default(COOKIE_NAME),
  COOKIE_PATH: RULES.cookiePath.default('/'),
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
    .refine(areKeys, 'must be keys of 32 random bytes in base64url (43 characters), separated by commas')
    .default(''),
  WEB_CONCURRENCY: z
    .string()
    .transform((text) => (text === 'auto' ? String(availableParallelism()) : text))
    .pipe(numeric(wholeNumber(1, 512, ', or auto')))
    .default('1'),
  MAX_CONNECTIONS: numeric(wholeNumber(1, 100_000)).default('1000'),
  TRUST_PROXY: numeric(wholeNumber(0, 100)).default('0'),
  COMPRESSION: oneOf('on', 'off').default('on'),
  // A login shell sets it to the path of the user's mailbox.
  MAIL: z.preprocess((value) => (String(value ?? '/').startsWith('/') ? 'on' : value), oneOf('on', 'off')),
  SMTP_URL: z
    .string()
    .refine(
      isSmtpUrl,
      'must be smtp://<user>:<password>@<host>:<port> or smtps://…, with special characters percent-encoded',
    )
    .optional(),
  MAIL_FROM: z
    .string()
    .refine(
      isSender,
      'must be an email address, such as no-reply@example.com or Example <no-reply@example.com>',
    )
    .optional(),
  EMAIL_CONFIRMATION: RULES.emailConfirmation.default('optional'),
  CONFIRMATION_GRACE: duration().optional(),
  SIGNUP: RULES.signup.default('open'),
  USERNAMES: RULES.usernames.default('chosen'),
  EMAILS: RULES.emails.default('required'),
  LOGIN_ERRORS: RULES.loginErrors.default('exact'),
  LOGIN_AFTER: z
    .string()
    .transform((text) => text.split(',').map((event) => event.trim()))
    .refine(
      (events): events is LoginAfter[] => events.every(isLoginAfter),
      'must be signup, confirmation or reset, or several of them separated by commas',
    )
    .optional(),
  PRIVATE_EMAILS: oneOf('true', 'false').default('false'),
  SECOND_STEP: oneOf('optional', 'admins', 'required').default('optional'),
  SECOND_STEP_FROM: z
    .string()
    .regex(/^\d{4}-\d{2}-\d{2}$/, DAY_RULE)
    .transform((day) => new Date(day))
    .refine((day) => !Number.isNaN(day.valueOf()), DAY_RULE)
    .optional(),
  FACTOR_RECOVERY: parsed(waitOf, 'must be a duration from 1d to 30d, or off').default('3d'),
  MAIL_ON_JUMP: oneOf('on', 'off').default('off'),
  THEME: RULES.theme.default('auto'),
  THEME_COLOR: RULES.themeColor.optional(),
  PASSWORD_MIN_LENGTH: numeric(RULES.passwordMinLength).default('8'),
  PASSWORD_MIN_SCORE: numeric(RULES.passwordMinScore).default('0'),
  SITE_NAME: z
    .string()
    .transform((text) => text.trim())
    .default(SITE_NAME),
  FEATURES_OFF: z
    .string()
    .transform((text) => text.split(',').map((name) => name.trim()))
    .refine(
      (names) => names.every((name) => /^[a-z/-]+$/.test(name)),
      'must be names of features separated by commas, such as users,account/close',
    )
    .optional(),
  SESSION_IDLE: duration().optional(),
  SESSION_KEPT_IDLE: duration().optional(),
  SESSION_MAX: duration().optional(),
  EVENTS_KEPT: duration().optional(),
  RATE_LIMITS: oneOf('on', 'off').default('on'),
  METRICS_TOKEN: z
    .string()
    .regex(/^[\x21-\x7e]{16,}$/, 'must be at least 16 letters, digits and symbols, without spaces')
    .optional(),
  METRICS_PORT: numeric(wholeNumber(0, 65_535)).optional(),
  METRICS_HOST: z.string().default('127.0.0.1'),
  HOOKS: z
    .string()
    .transform((file) => resolve(file.trim()))
    .refine((file) => existsSync(file), 'must be a module file that exists, such as hooks.js')
    .optional(),
  TEMPLATES: z
    .string()
    .transform(foldersIn)
    .refine(
      (folders) => folders.every(isFolder),
      (folders) => ({
        message: `must be folders separated by a ${delimiter === ':' ? 'colon' : 'semicolon'}. Folder not found: ${folders.find((folder) => !isFolder(folder))}`,
      }),
    )
    .default(''),
  LANGUAGES: z
    .string()
    .transform((text) => text.split(',').map((tag) => tag.trim()))
    .refine(
      (tags) => tags.every((tag) => /^[\w-]+$/.test(tag)),
      'must be language tags separated by commas, such as en,ru',
    )
    .optional(),
})

function variableOf(name: string): string {
  return `LIMIT_${name.replaceAll(/[A-Z]/g, '_$&').toUpperCase()}`
}

export function environmentWith(limits: LimitRules) {
  const names = Object.keys(limits)
  const limitVariables = z
    .object(Object.fromEntries(names.map((name) => [variableOf(name), limit().optional()])))
    .transform((given) => {
      const set = names.map((name) => [name, given[variableOf(name)]] as const)
      return { limits: { ...limits, ...Object.fromEntries(set.filter(([, value]) => value !== undefined)) } }
    })
  return variables.and(limitVariables)
}

export type Environment = z.infer<ReturnType<typeof environmentWith>>

function numeric(rule: z.ZodNumber) {
  return z
    .string()
    .transform((text) => (/^\d{1,6}$/.test(text) ? Number(text) : Number.NaN))
    .pipe(rule)
}

function duration() {
  return parsed(parseDuration, 'must be a duration such as 90s, 30m, 12h or 30d')
}

function waitOf(text: string): number | 'off' | undefined {
  if (text.trim() === 'off') return 'off'
  const wait = parseDuration(text)
  return isWait(wait) ? wait : undefined
}

function limit() {
  return parsed(parseLimit, 'must be a count and a duration, such as 5/5m or 100/1h')
}

function parsed<Value>(parse: (text: string) => Value | undefined, sentence: string) {
  return z.string().transform((text, context): Value => {
    const value = parse(text)
    if (value !== undefined) return value
    context.addIssue({ code: 'custom', message: sentence })
    return z.NEVER
  })
}

/** Whether browsers let the site use passkeys of this domain. Does not know public suffixes such as co.uk, which they refuse. */
export function isPasskeyDomain(domain: string, baseUrl: string | undefined): boolean {
  if (baseUrl === undefined || !isBaseUrl(baseUrl)) return false
  const { hostname } = new URL(baseUrl)
  return hostname === domain || (domain.includes('.') && hostname.endsWith(`.${domain}`))
}

function areKeys(keys: string[]): boolean {
  try {
    createKeyring(keys)
    return true
  } catch {
    return keys.length === 0
  }
}
