import type { Context } from 'koa'
import { isSecondRequired } from '../accounts/second-rule.js'
import { DAY } from '../base/durations.js'
import { newDeviceId } from '../secrets/token.js'
import type { Account } from '../tables/users.js'
import type { Gatehouse } from './gatehouse.js'
import { loginOf } from './logins.js'

// OWASP "Device Cookies".
export const DEVICE_LIFE = 400 * DAY

/** How long a trusted device skips the second step. Logins do not extend it. */
export const TRUST_LIFE = 30 * DAY

// More would make the cookie too long.
const MAX_ACCOUNTS = 5

interface Known {
  userId: string
  stamp: string
  id: string
  /** Last login, UTC milliseconds. */
  at: number
  second?: boolean
  /** Until when it skips the second step, in UTC milliseconds. */
  trusted?: number
}

/** Returns the device id of this browser for an account, if it is a known device. It has limits of its own. */
export function knownDevices(ctx: Context, gatehouse: Gatehouse): (account: Account) => string | undefined {
  const find = knownBy(ctx, gatehouse)
  return (account) => find(account)?.id
}

// A password reset makes a device known, but proves only the mailbox. That must not give it more attempts at the second step.
export function provenDevices(ctx: Context, gatehouse: Gatehouse): (account: Account) => string | undefined {
  const find = knownBy(ctx, gatehouse)
  return (account) => {
    const known = find(account)
    return known?.second ? known.id : undefined
  }
}

export function trustedUntil(ctx: Context, gatehouse: Gatehouse, account: Account): number | undefined {
  if (isSecondRequired(gatehouse, account.user)) return undefined
  const { trusted = 0 } = knownBy(ctx, gatehouse)(account) ?? {}
  return trusted > gatehouse.now() ? trusted : undefined
}

function knownBy(ctx: Context, gatehouse: Gatehouse): (account: Account) => Known | undefined {
  const known = devicesIn(ctx, gatehouse)
  return ({ user, deviceStamp, endedDevices }) =>
    known.find(
      ({ userId, stamp, id }) => userId === user.id && stamp === deviceStamp && !endedDevices.includes(id),
    )
}

export function lastUser(ctx: Context, gatehouse: Gatehouse): string | undefined {
  return devicesIn(ctx, gatehouse)[0]?.userId
}

interface Remembered extends Pick<Known, 'userId' | 'stamp' | 'second' | 'trusted'> {
  device?: string
}

/** Keeps this device known after a change by its user that set a new stamp, which ends all known devices. */
export function stayKnown(
  ctx: Context,
  gatehouse: Gatehouse,
  { stamp, device }: { stamp: string; device?: string },
): void {
  const { session, user } = loginOf(ctx)
  const second = session.secondAt !== null
  rememberDevice(ctx, gatehouse, { userId: user.id, stamp, second, ...(device && { device }) })
}

// Proofs are kept only for the same device and stamp, because a copied cookie outlives both.
export function rememberDevice(
  ctx: Context,
  gatehouse: Gatehouse,
  { userId, stamp, device, second, trusted }: Remembered,
): void {
  const known = devicesIn(ctx, gatehouse)
  const before = known.find((one) => one.userId === userId)
  const id = device ?? before?.id ?? newDeviceId()
  const same = before?.stamp === stamp && before.id === id ? before : undefined
  const trust = trusted ?? same?.trusted
  const remembered: Known = {
    userId,
    stamp,
    id,
    at: gatehouse.now(),
    ...((second || same?.second) && { second: true }),
    ...(trust !== undefined && { trusted: trust }),
  }
  const others = known.filter((one) => one.userId !== userId)
  gatehouse.deviceCookie.write(ctx, [remembered, ...others].slice(0, MAX_ACCOUNTS), { maxAge: DEVICE_LIFE })
}

export function forgetDevice(ctx: Context, gatehouse: Gatehouse, userId: string): void {
  const others = devicesIn(ctx, gatehouse).filter((one) => one.userId !== userId)
  if (others.length === 0) gatehouse.deviceCookie.clear(ctx)
  else gatehouse.deviceCookie.write(ctx, others, { maxAge: DEVICE_LIFE })
}

function devicesIn(ctx: Context, gatehouse: Gatehouse): Known[] {
  const content = gatehouse.deviceCookie.read(ctx)
  const known = Array.isArray(content) ? content.filter(isKnown) : []
  // A browser may keep a cookie past its max-age, and a copy never expires.
  return known.filter(({ at }) => gatehouse.now() - at < DEVICE_LIFE)
}

function isKnown(value: unknown): value is Known {
  return (
    typeof value === 'object' &&
    value !== null &&
    'userId' in value &&
    'stamp' in value &&
    'id' in value &&
    'at' in value
  )
}
