import { z } from 'zod/v3'
import type { Hooks } from '../accounts/hooks.js'
import { LIFETIMES } from '../accounts/lifetimes.js'
import { LIMITS } from '../accounts/limit-rules.js'
import { LOGIN_AFTER, type LoginAfter } from '../accounts/login-methods.js'
import { DAY } from '../base/durations.js'
import { byDistance } from '../base/nearest.js'
import { isFolder } from '../views/templates.js'
import { COOKIE_NAME_RULE, COOKIE_PATH_RULE, isCookieName, isCookiePath } from '../web/sealed-cookie.js'

const be = (what: string) => ({ message: `must be ${what}` })
const fits = <Value>(what: string, check: (value: unknown) => boolean) => z.custom<Value>(check, be(what))

const anything = z.unknown()
const text = z.string(be('a string'))
const texts = z.array(text, be('an array of strings'))
const boolean = z.boolean(be('true or false'))
const callable = fits('a function', (value) => typeof value === 'function')
const milliseconds = fits(
  'a number of milliseconds',
  (value) => typeof value === 'number' && value >= 0 && Number.isFinite(value),
)
// `//example.com` would be another site.
const path = fits('a path like /start', (value) => typeof value === 'string' && /^\/(?![/\\])/.test(value))
const textsByLanguage = z.record(z.union([z.string(), z.record(z.string())]))

export function oneOf<Word extends string>(...words: [Word, Word, ...Word[]]) {
  const [last, ...others] = [...words].reverse()
  return z.enum(words, be(`${others.reverse().join(', ')} or ${last}`))
}

export function wholeNumber(min: number, max: number, otherwise = '') {
  const sentence = be(`a whole number from ${min} to ${max}${otherwise}`)
  return z.number(sentence).int(sentence).min(min, sentence).max(max, sentence)
}

export function isOrigin(address: unknown): boolean {
  if (typeof address !== 'string' || !URL.canParse(address)) return false
  const url = new URL(address)
  return /^https?:$/.test(url.protocol) && url.href === `${url.origin}/`
}

/** Like an origin, but may have a path, which the proxy strips. */
export function isBaseUrl(address: unknown): boolean {
  if (typeof address !== 'string' || !URL.canParse(address)) return false
  const { origin, pathname, href } = new URL(address)
  return isOrigin(origin) && href === origin + pathname && /^(?:\/[\w-]+)*\/?$/.test(pathname)
}

export function isSecureOrigin(address: unknown): boolean {
  return isOrigin(address) && String(address).startsWith('https:')
}

export const RULES = {
  database: chosen((value) =>
    isObject(value)
      ? named({ url: anything, schema: anything, sqlite: anything, postgres: anything })
      : anything,
  ),
  keys: texts,
  prefix: text,
  baseUrl: text,
  passkeyDomain: text,
  passkeyOrigins: fits(
    "an array of addresses like 'https://example.de'",
    (value) => Array.isArray(value) && value.every(isSecureOrigin),
  ),
  cookieName: fits<string>(COOKIE_NAME_RULE, isCookieName),
  cookiePath: fits<string>(COOKIE_PATH_RULE, isCookiePath),
  siteName: text,
  theme: oneOf('auto', 'light', 'dark'),
  themeColor: fits<string>('a color like #7a1fa2', (value) => /^#[\da-f]{6}$/i.test(String(value))),
  places: named({ home: path, afterSignup: path, afterLogin: path, afterLogout: path }),
  templates: z.array(anything, be('an array of folders')).superRefine((folders, { addIssue }) => {
    const other = folders.find((folder) => typeof folder !== 'string' || !isFolder(folder))
    if (other !== undefined)
      addIssue({ code: 'custom', message: `must be folders. Folder not found: ${other}` })
  }),
  messages: fits(
    'an object of strings by code, or by code and language',
    (value) => textsByLanguage.safeParse(value).success,
  ),
  languages: texts,
  language: fits('a string or a function', (value) => ['string', 'function'].includes(typeof value)),
  mail: chosen((value) => {
    if (!isObject(value))
      return fits("'caught', 'off' or { url, from }", () => value === 'caught' || value === 'off')
    return 'send' in value ? z.object({ send: callable }) : named({ url: text, from: text })
  }),
  emailConfirmation: oneOf('optional', 'required'),
  confirmationGrace: milliseconds,
  signup: oneOf('open', 'invited', 'closed'),
  usernames: oneOf('chosen', 'made'),
  emails: oneOf('required', 'none'),
  loginErrors: oneOf('exact', 'generic'),
  loginAfter: fits<readonly LoginAfter[]>(
    "an array of 'signup', 'confirmation' and 'reset'",
    (value) => Array.isArray(value) && value.every(isLoginAfter),
  ),
  privateEmails: boolean,
  jumpMail: boolean,
  secondStep: fits(
    "'optional', 'admins', 'required' or a function of a user",
    (value) => ['optional', 'admins', 'required'].includes(String(value)) || typeof value === 'function',
  ),
  secondStepFrom: fits('a Date', (value) => value instanceof Date && !Number.isNaN(value.valueOf())),
  loginStep: callable,
  factorRecovery: fits(
    "milliseconds from 1 to 30 days, or 'off'",
    (value) => value === 'off' || isWait(value),
  ),
  passwordMinLength: wholeNumber(6, 128),
  passwordMinScore: wholeNumber(0, 4),
  passwordCosts: named({
    memoryCost: wholeNumber(8, 2 ** 32 - 1),
    timeCost: wholeNumber(1, 2 ** 32 - 1),
    parallelism: wholeNumber(1, 255),
  }),
  workers: wholeNumber(1, 512),
  lifetimes: named(each(LIFETIMES, milliseconds)),
  limits: limitsRule(LIMITS),
  features: z.record(boolean, be('an object of true or false by feature name')),
  hooks: named({
    beforeSignup: callable,
    duringSignup: callable,
    checkIdentity: callable,
    duringErase: callable,
    exportOf: callable,
    onEvent: callable,
  } satisfies Record<keyof Hooks, z.ZodTypeAny>),
  signupFields: texts,
  onEvent: callable,
  metrics: fits(
    'the result of createMetrics()',
    (value) => isObject(value) && 'watch' in value && 'login' in value,
  ),
  address: callable,
  headers: boolean,
  compression: boolean,
  development: boolean,
  log: fits('a pino logger', (value) => isObject(value) && 'info' in value && 'child' in value),
  now: callable,
}

export function isLoginAfter(value: unknown): value is LoginAfter {
  return LOGIN_AFTER.some((event) => event === value)
}

// At least a day, so that the owner can cancel it in time.
export function isWait(value: unknown): value is number {
  return typeof value === 'number' && value >= DAY && value <= 30 * DAY
}

export function limitsRule(names: object) {
  const limit = named({ max: wholeNumber(1, 999_999_999), window: milliseconds })
  return chosen((value) =>
    isObject(value) ? named(each(names, limit)) : fits("'off' or an object of limits", () => value === 'off'),
  )
}

function chosen(schemaFor: (value: unknown) => z.ZodTypeAny) {
  return z.unknown().superRefine((value, { addIssue }) => {
    for (const issue of schemaFor(value).safeParse(value).error?.issues ?? []) addIssue(issue)
  })
}

// Refuses undefined, because it would replace a default.
function named(shape: z.ZodRawShape) {
  const undefinedAsNull = (value: unknown) =>
    isObject(value)
      ? Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, inner ?? null]))
      : value
  return z.preprocess(undefinedAsNull, someOf(shape))
}

export function someOf(shape: z.ZodRawShape) {
  const errorMap: z.ZodErrorMap = (issue) =>
    issue.code === 'unrecognized_keys' ? { message: nearest(issue.keys, shape) } : be('an object')
  return z.object(shape, { errorMap }).partial().strict()
}

function nearest([key = '']: readonly string[], shape: z.ZodRawShape): string {
  return byDistance(key, Object.keys(shape))[0]?.known ?? ''
}

function each(names: object, rule: z.ZodTypeAny): z.ZodRawShape {
  return Object.fromEntries(Object.keys(names).map((name) => [name, rule]))
}

export function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

export function sentenceOf(issue: z.ZodIssue): string {
  const name = issue.path.join('.')
  if (issue.code !== 'unrecognized_keys') return `Option ${name} ${issue.message}.`
  const around = name === '' ? '' : `${name}.`
  return `Unknown option ${around}${issue.keys[0]}. Did you mean ${around}${issue.message}?`
}
