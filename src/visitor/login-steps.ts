import type { Context } from 'koa'
import { HOUR } from '../base/durations.js'
import * as events from '../tables/events.js'
import type { Account, User } from '../tables/users.js'
import * as users from '../tables/users.js'
import { changeSessionId } from '../web/session.js'
import { type Gatehouse, loginAs } from './gatehouse.js'
import { userOf } from './logins.js'
import { logIn } from './session.js'

/** A way to prove who somebody is: by having made the account in this browser, or by its password. */
export type Method = 'signup' | 'password'

/** What a login needs before it begins a session, by the feature whose page does it. */
export type Step = 'login' | 'email/confirm'

/** A login on its way: what somebody has proved so far, and what the login form asked for. */
export interface LoginProgress {
  account: Account
  methods: readonly Method[]
  /** To be kept logged in. */
  kept: boolean
  /** The page to go on to. */
  next: string
}

/** What has become of a login; `changed` if its account was while somebody logged in to it. */
export type LoginState =
  | { state: 'waiting'; for: Step }
  | { state: 'begun'; isReopened: boolean }
  | { state: 'changed' }

/**
 * Takes a login onward from wherever it is. Its session begins once nothing is missing; until then this browser remembers how
 * far it has come. A closed account is opened at the very end, so that nobody learns of that before all is proved.
 */
export async function advance(
  ctx: Context,
  gatehouse: Gatehouse,
  progress: LoginProgress & { form: string },
): Promise<LoginState> {
  const step = nextStep(gatehouse, progress)
  if (step !== undefined) {
    keepHalfLogin(ctx, gatehouse, progress)
    await changeSessionId(ctx)
    return { state: 'waiting', for: step }
  }
  const { account, kept, form } = progress
  const isNew = await hasJustSignedUp(ctx, gatehouse, account)
  const login = await logIn(ctx, gatehouse, account, { kept, form, isNew })
  return login === undefined ? { state: 'changed' } : { state: 'begun', ...login }
}

/** What is missing, in the order in which it is asked for. Whoever has a disabled account is told so by its password. */
function nextStep({ rules }: Gatehouse, { account, methods }: LoginProgress): Step | undefined {
  if (rules.confirmation === 'required' && account.user.emailConfirmedAt === null) return 'email/confirm'
  return methods.includes('password') ? undefined : 'login'
}

// They need not be told of a login on a new device.
async function hasJustSignedUp(ctx: Context, gatehouse: Gatehouse, { user }: Account): Promise<boolean> {
  if (!halfLoginOf(ctx, gatehouse)?.methods.includes('signup')) return false
  return (await halfLoggedIn(ctx, gatehouse))?.user.id === user.id
}

/** Where the owner of an account goes on from a mailed link: to the account if it is logged in here, else to its login. */
export function placeOf(ctx: Context, gatehouse: Gatehouse, user: User): string {
  return userOf(ctx)?.id === user.id ? gatehouse.url('account') : loginAs(gatehouse, user)
}

/** How far a login has come, as this browser keeps it. */
interface HalfLogin extends Pick<LoginProgress, 'methods' | 'kept' | 'next'> {
  userId: string
  /** The account's device stamp when it was proved: a new password, a reset and "log out everywhere" make another. */
  stamp: string
  /** UTC milliseconds. */
  at: number
}

const HALF_LOGIN_LIFE = HOUR
/** A longer one is left out, so that the cookie of the session has room for the rest. */
const LONGEST_NEXT = 300

/** Notes in this browser how far a login has come; it takes the place of any other. */
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
    next: next.length > LONGEST_NEXT ? '' : next,
    at: gatehouse.now(),
  }
  gatehouse.halfLoginCookie.write(ctx, half, { maxAge: HALF_LOGIN_LIFE })
}

/**
 * The half login of this browser, as long as it is young enough. What the account has become since is for
 * `halfLoggedIn` to say: by this alone nothing may be done.
 */
export function halfLoginOf(ctx: Context, { halfLoginCookie, now }: Gatehouse): HalfLogin | undefined {
  const half = halfLoginCookie.read(ctx)
  if (!isHalfLogin(half)) return undefined
  const age = now() - half.at
  return age >= 0 && age < HALF_LOGIN_LIFE ? half : undefined
}

/**
 * The account whose login has come half the way in this browser. Nobody's whose stamp is another by now, who has logged in
 * anywhere since (a copy of the cookie must not outlive that), who is disabled, or has closed the account since.
 */
export async function halfLoggedIn(ctx: Context, gatehouse: Gatehouse): Promise<Account | undefined> {
  const half = halfLoginOf(ctx, gatehouse)
  const account = half && (await users.byId(gatehouse.database.main, half.userId))
  if (half === undefined || account === undefined || isVoid(half, account)) return undefined
  const { userId, at } = half
  const hasLoggedIn = await events.hasSince(gatehouse.database.main, { userId, kind: 'logged_in', at })
  return hasLoggedIn ? undefined : account
}

function isHalfLogin(value: unknown): value is HalfLogin {
  return typeof value === 'object' && value !== null && 'userId' in value && 'at' in value
}

function isVoid({ stamp, at }: HalfLogin, { deviceStamp, closedAt, disabledAt }: Account): boolean {
  return stamp !== deviceStamp || disabledAt !== null || (closedAt !== null && closedAt >= at)
}
