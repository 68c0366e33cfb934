import { byDistance } from '../base/nearest.js'
import * as users from '../tables/users.js'
import type { FieldError, Hint, Values } from '../web/form.js'
import { networkOf } from '../web/network.js'
import type { Notice } from '../web/notices.js'
import { errorResponseOf } from '../web/refusal.js'
import * as fields from './fields.js'
import type { Origin } from './origin.js'
import { PERSONAL, PERSONAL_NAME, strengthOf } from './password-strength.js'
import { hookErrors } from './registration.js'
import type { Registry } from './registry.js'

const USERNAME_FREE = { field: 'username', code: 'username_free', sentence: 'This username is available.' }
export const USERNAME_SUGGESTED = {
  field: 'username',
  code: 'username_suggested',
  sentence: '{name} is available.',
}
export const EMAIL_SUGGESTED = { field: 'email', code: 'email_suggested', sentence: 'Did you mean {email}?' }
const CORRECT = { code: 'email_suggested_correct', sentence: 'Correct it' }
export const STRENGTH = { code: 'password_strength', sentence: 'Password strength' }

export async function withinHintLimit(
  origin: Origin,
  registry: Registry,
  hints: () => Promise<Hint[]>,
): Promise<Hint[]> {
  try {
    await registry.limits.take([{ rule: 'hintNetwork', of: networkOf(origin.address) }])
    return await hints()
  } catch (error) {
    if (errorResponseOf(error)?.retryAfter === undefined) throw error
    return []
  }
}

export async function hintsBesideErrors(
  origin: Origin,
  registry: Registry,
  errors: readonly FieldError[],
  { username = '', email = '' }: Partial<Values>,
): Promise<Hint[]> {
  return [...(await nameHints(origin, registry, errors, username)), ...onEmail(email)]
}

async function nameHints(
  origin: Origin,
  registry: Registry,
  errors: readonly FieldError[],
  typed: string,
): Promise<Hint[]> {
  const name = fields.normalizeName(typed)
  const [broken] = errors.filter(({ field }) => field === 'username')
  if (broken === undefined) return name === '' ? [] : [{ ...USERNAME_FREE, isGood: true }]
  if (broken.code !== fields.USERNAME_TAKEN.code) return []
  return withinHintLimit(origin, registry, () => suggestions(registry, name))
}

async function suggestions(registry: Registry, name: string): Promise<Hint[]> {
  const suggested = await freeNameLike(registry, name)
  return suggested === undefined ? [] : [{ ...USERNAME_SUGGESTED, params: { name: suggested } }]
}

export async function onName(registry: Registry, typed: string, userId: string | undefined): Promise<Hint[]> {
  const name = fields.normalizeName(typed)
  if (name === '') return []
  const broken = fields.check(fields.username, name)
  if (broken.length > 0) return broken.map((rule) => ({ ...rule, field: 'username', isRule: true }))
  const account = await users.byNameKey(registry.database.main, fields.nameKeyOf(name))
  if (account !== undefined && account.user.id === userId) return []
  const user = userId === undefined ? undefined : (await users.byId(registry.database.main, userId))?.user
  const errors = await hookErrors(registry, { name, ...(user && { user }) })
  if (errors.length > 0) return errors.map((rule) => ({ ...rule, field: 'username', isRule: true }))
  if (await isFree(registry, name, userId)) return [{ ...USERNAME_FREE, isGood: true }]
  const taken = { ...fields.USERNAME_TAKEN, field: 'username', isRule: true }
  return [taken, ...(await suggestions(registry, name))]
}

async function isFree(
  { database, now }: Registry,
  name: string,
  userId: string | undefined,
): Promise<boolean> {
  return !(await users.isNameTaken(database.main, claimOf(name), { now: now(), ...(userId && { userId }) }))
}

async function freeNameLike(registry: Registry, name: string): Promise<string | undefined> {
  const { database, now } = registry
  const year = new Date(now()).getUTCFullYear()
  const like = [2, 3, 4, year, year + 1].map((number) => fields.withNumber(name, number))
  const allowed = like.filter((one) => fields.check(fields.username, one).length === 0)
  for (const free of await users.freeNames(database.main, allowed.map(claimOf), now())) {
    if ((await hookErrors(registry, { name: free.name })).length === 0) return free.name
  }
  return undefined
}

function claimOf(name: string) {
  return { name, ...fields.claimsOf(name) }
}

const DOMAINS =
  `aol.com att.net bk.ru btinternet.com comcast.net email.com fastmail.com free.fr gmail.com gmx.at gmx.ch gmx.com
  gmx.de gmx.net googlemail.com hey.com hotmail.co.uk hotmail.com hotmail.de hotmail.fr hotmail.it icloud.com inbox.ru
  laposte.net libero.it list.ru live.com live.fr live.nl mac.com mail.com mail.ru me.com msn.com orange.fr outlook.com
  outlook.de outlook.fr proton.me protonmail.com rambler.ru sbcglobal.net seznam.cz t-online.de ukr.net verizon.net
  wanadoo.fr web.de yahoo.co.uk yahoo.com yahoo.de yahoo.es yahoo.fr yahoo.it yandex.com yandex.ru ymail.com`.split(
    /\s+/,
  )

const MAX_TYPOS = 2
const MAX_TYPOS_IF_SHORT = 1
const SHORT = 8

// Not looked up, because a hint must not reveal whether the address has an account.
export function onEmail(typed: string): Hint[] {
  const address = fields.normalizeEmail(typed)
  const at = address.lastIndexOf('@')
  const domain = address.slice(at + 1).toLowerCase()
  if (DOMAINS.includes(domain)) return []
  const [nearest] = byDistance(domain, DOMAINS, MAX_TYPOS)
  if (nearest === undefined || nearest.distance > maxTyposIn(nearest.known)) return []
  if (fields.check(fields.email, address).length > 0) return []
  return [{ ...EMAIL_SUGGESTED, params: { email: `${address.slice(0, at)}@${nearest.known}` } }]
}

function maxTyposIn(domain: string): number {
  return domain.length < SHORT ? MAX_TYPOS_IF_SHORT : MAX_TYPOS
}

export function emailHints(
  origin: Origin,
  registry: Registry,
  { email }: { email: string },
): Promise<Hint[]> {
  return withinHintLimit(origin, registry, async () => onEmail(email))
}

export function onAcceptedEmail(typed: string, correction?: string): Pick<Notice, 'extra'> {
  const [hint] = onEmail(typed)
  if (hint === undefined) return {}
  const message = { code: hint.code, sentence: hint.sentence, params: { ...hint.params } }
  return { extra: { message, ...(correction && { link: { href: correction, message: CORRECT } }) } }
}

export function onPassword({ rules }: Registry, password: string, own: readonly string[]): Hint[] {
  if (password === '') return []
  const meter = (value: number) => ({ label: STRENGTH, value })
  const [broken] = fields.check(fields.newPassword(rules, own), password)
  if (broken !== undefined) return [{ ...broken, field: 'password', isRule: true, meter: meter(1) }]
  const strength = strengthOf(password, [...own, ...rules.siteWords])
  const { value } = strength
  const isName = strength.message === PERSONAL && rules.emails === 'none'
  const message = isName ? PERSONAL_NAME : strength.message
  return [{ ...message, field: 'password', isGood: value > 3, meter: meter(value) }]
}
