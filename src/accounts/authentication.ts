import { DatabaseUnavailable } from '../database/unavailable.js'
import { TooManyAtOnce } from '../secrets/password.js'
import type { EventKind } from '../tables/events.js'
import * as users from '../tables/users.js'
import type { FieldError } from '../web/form.js'
import { loginKeyOf, nameKeyOf } from './fields.js'
import { eventOf } from './history.js'
import { LimitReached } from './limit-reached.js'
import type { Taken } from './limits.js'
import { countLoginAttempts, type LoginAttempt, loginAttempts, refundLoginAttempts } from './login-limits.js'
import { circumstancesOf, type Origin } from './origin.js'
import type { LoginOutcome, Registry } from './registry.js'
import { logSecurity } from './security-log.js'

export type Outcome = { ok: true; account: users.Account } | { ok: false; error: FieldError }

const USER_UNKNOWN: FieldError = {
  field: 'username',
  code: 'login_user_unknown',
  sentence: 'There is no account with this username. Check the spelling.',
}
export const PASSWORD_WRONG: FieldError = {
  field: 'password',
  code: 'login_password_wrong',
  sentence: 'The password is not correct. Try again.',
}
export const NO_PASSWORD: FieldError = {
  field: 'password',
  code: 'login_password_missing',
  sentence: 'Enter your password.',
}
// With private emails, no message may reveal whether the username or email address is known.
const SOMETHING_WRONG: FieldError = {
  field: 'password',
  code: 'login_wrong_private',
  sentence:
    'The username, email address or password is not correct. Until your email address is confirmed, log in with your username.',
}
export const LOGIN_WRONG: FieldError = {
  field: 'password',
  code: 'login_wrong_generic',
  sentence: 'The username, email address or password is not correct. Try again.',
}
const EMAIL_OR_PASSWORD_WRONG: FieldError = {
  field: 'password',
  code: 'login_wrong',
  sentence: 'The email address or password is not correct. Try again.',
}
const NAME_OR_PASSWORD_WRONG: FieldError = {
  field: 'password',
  code: 'login_wrong_name',
  sentence: 'The username or password is not correct. Try again.',
}
export const DISABLED: FieldError = {
  code: 'login_disabled',
  sentence: 'This account is disabled. Contact the people who run this site.',
}

// Usernames are public, so an unknown one is reported, unlike an unknown email address. Both take as long as a
// wrong password and count against the same limits.
export async function authenticate(
  origin: Origin,
  registry: Registry,
  typed: { username: string; password: string },
): Promise<Outcome> {
  const outcome = await counting(registry, () => attemptLogin(origin, registry, typed))
  if (!outcome.ok && outcome.error === DISABLED) {
    logSecurity(origin, registry, {
      event: 'login_failed',
      reason: 'account_disabled',
      typed: typed.username,
    })
  }
  return outcome
}

export async function counting<Result extends { ok: true } | { ok: false; error: FieldError }>(
  { countLogin }: Pick<Registry, 'countLogin'>,
  login: () => Promise<Result>,
): Promise<Result> {
  try {
    const outcome = await login()
    if (!outcome.ok) countLogin(outcome.error === DISABLED ? 'disabled' : 'wrong')
    return outcome
  } catch (error) {
    countLogin(failureOf(error))
    throw error
  }
}

function failureOf(error: unknown): LoginOutcome {
  if (error instanceof LimitReached) return 'limited'
  if (error instanceof TooManyAtOnce) return 'busy'
  return error instanceof DatabaseUnavailable ? 'unavailable' : 'failed'
}

async function attemptLogin(
  origin: Origin,
  registry: Registry,
  { username, password }: { username: string; password: string },
): Promise<Outcome> {
  const name = loginKeyOf(username)
  const byEmail = name.includes('@')
  const account = await users.byLogin(registry.database.main, name)
  const right = await checkPassword(origin, registry, { name, account, password, failure: 'login_failed' })
  if (account !== undefined && right) return unlessDisabled(account)
  return { ok: false, error: wrong(registry, { isKnown: account !== undefined, byEmail }) }
}

function wrong(
  { rules }: Pick<Registry, 'rules'>,
  { isKnown, byEmail }: { isKnown: boolean; byEmail: boolean },
): FieldError {
  if (rules.privateEmails) return SOMETHING_WRONG
  const isNone = rules.emails === 'none'
  if (rules.loginErrors === 'generic') return isNone ? NAME_OR_PASSWORD_WRONG : LOGIN_WRONG
  if (byEmail) return isNone ? NAME_OR_PASSWORD_WRONG : EMAIL_OR_PASSWORD_WRONG
  return isKnown ? PASSWORD_WRONG : USER_UNKNOWN
}

function unlessDisabled(account: users.Account): Outcome {
  return account.disabledAt === null ? { ok: true, account } : { ok: false, error: DISABLED }
}

export interface PasswordCheck extends LoginAttempt {
  password: string
  failure?: EventKind
}

export async function checkPassword(
  origin: Origin,
  registry: Registry,
  check: PasswordCheck,
): Promise<boolean> {
  registry.passwords.refuseWhenFull()
  const counted = loginAttempts(origin, check)
  const { reached, isBlocked } = await countLoginAttempts(origin, registry, check, counted)
  // A comparison with no hash takes as long as a real one.
  const compared = isBlocked ? { ...check, account: undefined } : check
  const right = await isRight(origin, registry, compared).catch(async (error: unknown) => {
    await registry.limits
      .giveBack(counted)
      .catch((second: unknown) => registry.log.warn({ err: second }, 'could not return login attempts'))
    throw error
  })
  if (right) await refundLoginAttempts(registry, check, counted)
  else recordFailure(origin, registry, check, { reached, isBlocked })
  return right
}

export async function currentPasswordErrors(
  origin: Origin,
  registry: Registry,
  account: users.Account,
  password: string,
): Promise<FieldError[]> {
  if (password === '') return [NO_PASSWORD]
  const name = nameKeyOf(account.user.name)
  const isRight = await checkPassword(origin, registry, {
    name,
    account,
    password,
    failure: 'password_failed',
  })
  return isRight ? [] : [PASSWORD_WRONG]
}

function isRight(
  origin: Origin,
  { passwords }: Registry,
  { account, password }: PasswordCheck,
): Promise<boolean> {
  return passwords.verify(account?.passwordHash, password, origin.visit?.throwIfDisconnected)
}

function recordFailure(
  origin: Origin,
  registry: Registry,
  { name, account, failure }: PasswordCheck,
  { reached, isBlocked }: Taken,
): void {
  if (failure !== undefined)
    logSecurity(origin, registry, { event: failure, reason: reasonOf(account, isBlocked), typed: name })
  if (account === undefined) return
  const { id: userId } = account.user
  const note = (kind: EventKind) => registry.events.queue(eventOf(origin, registry, { kind, userId }))
  if (failure !== undefined) note(failure)
  if (reached.length === 0) return
  note('limit_hit')
  // Not awaited: the response time must not reveal whether the account exists.
  notifyOfFailures(origin, registry, account.user).catch((error: unknown) =>
    registry.log.warn({ err: error }, 'could not queue failed-login email'),
  )
}

function reasonOf(account: users.Account | undefined, isBlocked: boolean): string {
  if (account === undefined) return 'name_unknown'
  if (isBlocked) return 'account_blocked'
  return account.passwordHash === '' ? 'no_password' : 'password_wrong'
}

async function notifyOfFailures(origin: Origin, registry: Registry, user: users.User): Promise<void> {
  await origin.visit?.afterwards()
  const canReset = registry.offers('password/forgot') ? 1 : 0
  const facts = { to: user.email, canReset, ...circumstancesOf(origin, registry) }
  await registry.database.write((transaction) =>
    registry.outbox.post(transaction, { kind: 'login-failures', userId: user.id, facts }),
  )
}
