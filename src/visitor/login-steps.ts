import type { Context } from 'koa'
import { lacksConfirmation } from '../accounts/confirmation-rule.js'
import { REPEAT_WINDOW } from '../accounts/lifetimes.js'
import { hasBoth, isFirst, type Method, type Proof } from '../accounts/login-methods.js'
import { HOUR, MINUTE } from '../base/durations.js'
import * as events from '../tables/events.js'
import * as sessions from '../tables/sessions.js'
import type { Account, User } from '../tables/users.js'
import * as users from '../tables/users.js'
import { changeSessionId } from '../web/session.js'
import { type Gatehouse, loginAs } from './gatehouse.js'
import { trustedUntil } from './known-devices.js'
import { userOf } from './logins.js'
import { withSecondStep } from './second-passkeys.js'
import { logIn } from './session.js'

export type Step = 'login' | 'email/confirm' | 'login/two-step'

export interface LoginProgress {
  account: Account
  methods: readonly Method[]
  kept: boolean
  next: string
}

/** `changed`: the account changed during the login, or the proof was used meanwhile. */
export type LoginState =
  | { state: 'waiting'; for: Step }
  | { state: 'begun'; isReopened: boolean }
  | { state: 'changed' }

// Reopens a closed account last, so that nobody learns it was closed before every step is done.
export async function advance(
  ctx: Context,
  gatehouse: Gatehouse,
  progress: LoginProgress & { form: string; proof?: Proof; isTrusting?: boolean },
): Promise<LoginState> {
  const { account: given, ...options } = progress
  const account = options.methods.some(isFirst) ? await withSecondStep(ctx, gatehouse, given) : given
  const step = nextStep(ctx, gatehouse, { ...options, account })
  if (step !== undefined) {
    keepHalfLogin(ctx, gatehouse, { ...options, account })
    await changeSessionId(ctx)
    return { state: 'waiting', for: step }
  }
  const isNew = options.methods.includes('signup') || (await hasJustSignedUp(ctx, gatehouse, account))
  const login = await logIn(ctx, gatehouse, account, { ...options, isNew })
  return login === undefined ? { state: 'changed' } : { state: 'begun', ...login }
}

function nextStep(
  ctx: Context,
  gatehouse: Gatehouse,
  { account, methods }: Pick<LoginProgress, 'account' | 'methods'>,
): Step | undefined {
  const { offers } = gatehouse
  const { user } = account
  if (lacksConfirmation(gatehouse, user)) return 'email/confirm'
  if (!methods.some(isFirst)) return 'login'
  if (user.secondStepAt === null || !offers('login/two-step') || hasBoth(methods)) return undefined
  return trustedUntil(ctx, gatehouse, account) === undefined ? 'login/two-step' : undefined
}

async function hasJustSignedUp(ctx: Context, gatehouse: Gatehouse, { user }: Account): Promise<boolean> {
  if (!halfLoginOf(ctx, gatehouse)?.methods.includes('signup')) return false
  return (await halfLoggedIn(ctx, gatehouse))?.user.id === user.id
}

export function accountOrLogin(ctx: Context, gatehouse: Gatehouse, user: User): string {
  return userOf(ctx)?.id === user.id ? gatehouse.url('account') : loginAs(gatehouse, user)
}

export interface HalfLogin extends Pick<LoginProgress, 'methods' | 'kept' | 'next'> {
  userId: string
  /** The account's device stamp. A new password, a reset and "log out everywhere" change it. */
  stamp: string
  /** UTC milliseconds. */
  at: number
}

const HALF_LOGIN_LIFE = HOUR
const MAX_NEXT_LENGTH = 300

function keepHalfLogin(
  ctx: Context,
  gatehouse: Gatehouse,
  { account, methods, kept, next }: LoginProgress,
): void {
  const half: HalfLogin = {
    userId: account.user.id,
    stamp: account.deviceStamp,
    methods,
    kept,
    next: next.length > MAX_NEXT_LENGTH ? '' : next,
    at: gatehouse.now(),
  }
  gatehouse.halfLoginCookie.write(ctx, half, { maxAge: HALF_LOGIN_LIFE })
}

/** Does not check whether the account has changed since. Use `halfLoggedIn` for a proof. */
export function halfLoginOf(ctx: Context, { halfLoginCookie, now }: Gatehouse): HalfLogin | undefined {
  const half = halfLoginCookie.read(ctx)
  if (!isHalfLogin(half)) return undefined
  const age = now() - half.at
  return age >= 0 && age < HALF_LOGIN_LIFE ? half : undefined
}

/** Returns undefined if the account has logged in since, because the cookie may be a stolen copy. */
export async function halfLoggedIn(ctx: Context, gatehouse: Gatehouse): Promise<Account | undefined> {
  const half = halfLoginOf(ctx, gatehouse)
  const account = half && (await users.byId(gatehouse.database.main, half.userId))
  if (half === undefined || account === undefined || isStale(half, account)) return undefined
  const { userId, at } = half
  const hasLoggedIn = await events.hasSince(gatehouse.database.main, { userId, kind: 'logged_in', at })
  return hasLoggedIn ? undefined : account
}

// Short, so that the next person at this browser finds no half login.
const SECOND_WAIT = 10 * MINUTE

/** Returns undefined unless only the second step is missing. */
export async function waitingForSecond(
  ctx: Context,
  gatehouse: Gatehouse,
): Promise<(HalfLogin & { account: Account }) | undefined> {
  const half = halfLoginOf(ctx, gatehouse)
  if (half === undefined || gatehouse.now() - half.at >= SECOND_WAIT) return undefined
  const account = await halfLoggedIn(ctx, gatehouse)
  if (account === undefined || nextStep(ctx, gatehouse, { ...half, account }) !== 'login/two-step')
    return undefined
  return { ...half, account }
}

/** Returns the half login of this account, which waits for its email address to be confirmed. */
export async function waitingForConfirmation(
  ctx: Context,
  gatehouse: Gatehouse,
  { id }: User,
): Promise<HalfLogin | undefined> {
  const half = halfLoginOf(ctx, gatehouse)
  return half?.userId === id && (await halfLoggedIn(ctx, gatehouse)) !== undefined ? half : undefined
}

/** Returns the half login that this form has already finished. */
export async function passedBefore(
  ctx: Context,
  gatehouse: Gatehouse,
  form: string,
): Promise<(HalfLogin & { account: Account }) | undefined> {
  const half = halfLoginOf(ctx, gatehouse)
  if (half === undefined) return undefined
  const { main } = gatehouse.database
  const begun = { userId: half.userId, form, since: gatehouse.now() - REPEAT_WINDOW }
  const account = (await sessions.hasBegun(main, begun)) ? await users.byId(main, half.userId) : undefined
  return account === undefined || isStale(half, account) ? undefined : { ...half, account }
}

function isHalfLogin(value: unknown): value is HalfLogin {
  return typeof value === 'object' && value !== null && 'userId' in value && 'at' in value
}

function isStale({ stamp, at }: HalfLogin, { deviceStamp, closedAt, disabledAt }: Account): boolean {
  return stamp !== deviceStamp || disabledAt !== null || (closedAt !== null && closedAt >= at)
}
