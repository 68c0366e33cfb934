import type { Context } from 'koa'
import { HOUR } from '../base/durations.js'
import * as events from '../tables/events.js'
import type { Account } from '../tables/users.js'
import * as users from '../tables/users.js'
import type { Gatehouse } from './gatehouse.js'

/** A way to prove who somebody is: by having made the account in this browser, or by its password. */
export type Method = 'signup' | 'password'

/** What somebody has proved so far on the way to a login that needs more than that, as a confirmed address. */
export interface HalfLogin {
  userId: string
  /** The account's device stamp when it was proved: a new password, a reset and "log out everywhere" make another. */
  stamp: string
  methods: readonly Method[]
  /** UTC milliseconds. */
  at: number
  /** What the login form asked for: to be kept logged in, and the page to go on to. */
  kept: boolean
  next: string
}

export const HALF_LOGIN_LIFE = HOUR
/** A longer one is left out, so that the cookie of the session has room for the rest. */
const LONGEST_NEXT = 300

/** Notes in this browser how far the login of this account has come; it takes the place of any other. */
export function keepHalfLogin(ctx: Context, gatehouse: Gatehouse, proved: Omit<HalfLogin, 'at'>): void {
  const next = proved.next.length > LONGEST_NEXT ? '' : proved.next
  const half: HalfLogin = { ...proved, next, at: gatehouse.now() }
  gatehouse.halfLoginCookie.write(ctx, half, { maxAge: HALF_LOGIN_LIFE })
}

/** Whatever comes of a login or a logout, nothing is half done after it. */
export function forgetHalfLogin(ctx: Context, { halfLoginCookie }: Gatehouse): void {
  halfLoginCookie.clear(ctx)
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
