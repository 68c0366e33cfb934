import type { Context } from 'koa'
import { DAY } from '../base/durations.js'
import { newDeviceId } from '../secrets/token.js'
import type { Account } from '../tables/users.js'
import type { Gatehouse } from './gatehouse.js'

// OWASP "Device Cookies".
export const DEVICE_LIFE = 400 * DAY

// More would make the cookie too long.
const MAX_ACCOUNTS = 5

interface Known {
  userId: string
  stamp: string
  id: string
  /** Last login, UTC milliseconds. */
  at: number
}

/** Returns this browser's device id for an account that knows it. Its limits are apart from strangers'. */
export function knownDevices(ctx: Context, gatehouse: Gatehouse): (account: Account) => string | undefined {
  const known = carried(ctx, gatehouse)
  return ({ user, deviceStamp, endedDevices }) =>
    known.find(
      ({ userId, stamp, id }) => userId === user.id && stamp === deviceStamp && !endedDevices.includes(id),
    )?.id
}

export function lastUser(ctx: Context, gatehouse: Gatehouse): string | undefined {
  return carried(ctx, gatehouse)[0]?.userId
}

export function rememberDevice(
  ctx: Context,
  gatehouse: Gatehouse,
  { userId, stamp, device }: { userId: string; stamp: string; device?: string },
): void {
  const known = carried(ctx, gatehouse)
  const id = device ?? known.find((one) => one.userId === userId)?.id ?? newDeviceId()
  const others = known.filter((one) => one.userId !== userId)
  gatehouse.deviceCookie.write(
    ctx,
    [{ userId, stamp, id, at: gatehouse.now() }, ...others].slice(0, MAX_ACCOUNTS),
    {
      maxAge: DEVICE_LIFE,
    },
  )
}

export function forgetDevice(ctx: Context, gatehouse: Gatehouse, userId: string): void {
  const others = carried(ctx, gatehouse).filter((one) => one.userId !== userId)
  if (others.length === 0) gatehouse.deviceCookie.clear(ctx)
  else gatehouse.deviceCookie.write(ctx, others, { maxAge: DEVICE_LIFE })
}

function carried(ctx: Context, gatehouse: Gatehouse): Known[] {
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
