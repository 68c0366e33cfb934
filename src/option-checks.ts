import { type Hooks, refuseFormerHooks } from './accounts/hooks.js'
import { LIFETIMES } from './accounts/lifetimes.js'
import { LIMITS } from './accounts/limits.js'
import { byDistance } from './base/nearest.js'
import { locate } from './database/locate.js'
import type { AccountsOptions } from './options.js'
import { isFolder } from './views/templates.js'
import { COOKIE_NAME_RULE, isCookieName } from './web/sealed-cookie.js'

/** Throws a sentence that says what has to be instead; `name` is the option's, with its path. */
type Check = (value: unknown, name: string) => void

const isText = (value: unknown) => typeof value === 'string'
const isSwitch = (value: unknown) => typeof value === 'boolean'
const areTexts = (value: unknown) => isObject(value) && Object.values(value).every(isText)
const isTime = (value: unknown) => typeof value === 'number' && value >= 0 && Number.isFinite(value)

const text = be('a text', isText)
const yesOrNo = be('true or false', isSwitch)
const callable = be('a function', (value) => typeof value === 'function')
const milliseconds = be('a number of milliseconds', isTime)
// Not `//example.com` either, which would be another site.
const path = be('a path like /start', (value) => isText(value) && /^\/(?![/\\])/.test(`${value}`))

// So written that the compiler misses a new one, here and below.
const HOOKS: Record<keyof Hooks, true> = {
  beforeSignup: true,
  duringSignup: true,
  checkIdentity: true,
  duringErase: true,
  exportOf: true,
  onEvent: true,
}

const OPTIONS: Record<keyof AccountsOptions, Check> = {
  database: databaseCheck,
  keys: be('a list of texts', (value) => Array.isArray(value) && value.every(isText)),
  prefix: text,
  baseUrl: text,
  cookieName: be(COOKIE_NAME_RULE, isCookieName),
  siteName: text,
  theme: oneOf('auto', 'light', 'dark'),
  places: named({ home: path, afterSignup: path, afterLogin: path, afterLogout: path }),
  templates: foldersCheck,
  messages: be(
    'texts by their codes, or by language',
    (value) => isObject(value) && Object.values(value).every((said) => isText(said) || areTexts(said)),
  ),
  languages: be('a list of texts', (value) => Array.isArray(value) && value.every(isText)),
  language: be('a text or a function', (value) => isText(value) || typeof value === 'function'),
  mail: mailCheck,
  emailConfirmation: oneOf('optional', 'required'),
  privateEmails: yesOrNo,
  jumpMail: yesOrNo,
  passwordMinLength: wholeNumber(6, 128),
  passwordCosts: named({
    memoryCost: wholeNumber(8, 2 ** 32 - 1),
    timeCost: wholeNumber(1, 2 ** 32 - 1),
    parallelism: wholeNumber(1, 255),
  }),
  workers: wholeNumber(1, 512),
  lifetimes: named(allOf(LIFETIMES, milliseconds)),
  limits: limitsCheck,
  features: be(
    'true or false by feature',
    (value) => isObject(value) && Object.values(value).every(isSwitch),
  ),
  hooks: hooksCheck,
  signupFields: be('a list of texts', (value) => Array.isArray(value) && value.every(isText)),
  onEvent: callable,
  metrics: be('made by createMetrics()', (value) => isObject(value) && 'watch' in value && 'login' in value),
  address: callable,
  headers: yesOrNo,
  compression: yesOrNo,
  development: yesOrNo,
  log: be('a log like those of pino', (value) => isObject(value) && 'info' in value && 'child' in value),
  now: callable,
}

/** Throws a sentence if an option is of another kind than it has to be, or none that there is, as in plain JavaScript. */
export function refuseMistaken(options: AccountsOptions): void {
  if (!isObject(options)) throw new Error('The options have to be given: accounts({ database: … }).')
  locate(options.database)
  for (const [name, value] of Object.entries(options)) {
    const check = checkOf(name, OPTIONS, '')
    if (value !== undefined) check(value, name)
  }
}

function be(what: string, fits: (value: unknown) => boolean): Check {
  return (value, name) => {
    if (!fits(value)) throw new Error(`The option ${name} has to be ${what}.`)
  }
}

function oneOf(...texts: string[]): Check {
  return be(texts.join(' or '), (value) => texts.includes(`${value}`))
}

function wholeNumber(min: number, max: number): Check {
  const fits = (value: unknown) => Number.isInteger(value) && Number(value) >= min && Number(value) <= max
  return be(`a whole number from ${min} to ${max}`, fits)
}

type Checks = Readonly<Record<string, Check>>

/** Every name has to be one of these. */
function named(checks: Checks): Check {
  return (value, name) => {
    be('an object', isObject)(value, name)
    for (const [inner, innerValue] of Object.entries(Object(value))) {
      checkOf(inner, checks, `${name}.`)(innerValue, `${name}.${inner}`)
    }
  }
}

function checkOf(name: string, checks: Checks, path: string): Check {
  const check = new Map(Object.entries(checks)).get(name)
  if (check !== undefined) return check
  const [near] = byDistance(name, Object.keys(checks))
  throw new Error(`There is no option ${path}${name}; the nearest is ${path}${near?.known ?? ''}.`)
}

function allOf(names: object, check: Check): Record<string, Check> {
  return Object.fromEntries(Object.keys(names).map((name) => [name, check]))
}

function databaseCheck(value: unknown, name: string): void {
  const some = () => {}
  if (isObject(value)) named({ url: some, schema: some, sqlite: some, postgres: some })(value, name)
}

function foldersCheck(value: unknown, name: string): void {
  be('a list of folders', Array.isArray)(value, name)
  const other = Object.values(Object(value)).find((folder) => !isText(folder) || !isFolder(`${folder}`))
  if (other !== undefined) throw new Error(`The option ${name} names ${other}, which is no folder.`)
}

function mailCheck(value: unknown, name: string): void {
  if (isObject(value) && 'send' in value) callable(value.send, `${name}.send`)
  else if (isObject(value)) named({ url: text, from: text })(value, name)
  else be('caught, off, or { url, from }', (mode) => mode === 'caught' || mode === 'off')(value, name)
}

function hooksCheck(value: unknown, name: string): void {
  refuseFormerHooks(Object.keys(Object(value)))
  named(allOf(HOOKS, callable))(value, name)
}

function limitsCheck(value: unknown, name: string): void {
  const limit = named({ max: wholeNumber(1, 999_999_999), window: milliseconds })
  if (isObject(value)) named(allOf(LIMITS, limit))(value, name)
  else be('off, or an object of limits', (mode) => mode === 'off')(value, name)
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}
