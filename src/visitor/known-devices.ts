import type { Context } from 'koa'
import { DAY } from '../base/durations.js'
import { newDeviceId } from '../secrets/token.js'
import type { Account } from '../tables/users.js'
import type { Gatehouse } from './gatehouse.js'

/** So long a browser is known to have logged in to an account (OWASP "Device Cookies"). */
export const DEVICE_LIFE = 400 * DAY

/** A family's computer; more would make the cookie long. */
const MOST_ACCOUNTS = 5

/** What a device carries for an account: `stamp` is the account's, and ends when the account takes another. */
interface Known {
  userId: string
  stamp: string
  /** By which its failed tries are counted apart from those of the account's other devices, and it alone is logged out. */
  id: string
  /** When it last logged in, UTC milliseconds. */
  at: number
}

/**
 * Answers the id of this browser for an account, if it has logged in to that before and the account has not forgotten it
 * since: it is not held by limits that strangers fill. A forged cookie, or that of another account, counts for nothing.
 */
export function knownDevices(ctx: Context, gatehouse: Gatehouse): (account: Account) => string | undefined {
  const known = carried(ctx, gatehouse)
  return ({ user, deviceStamp, endedDevices }) =>
    known.find(
      ({ userId, stamp, id }) => userId === user.id && stamp === deviceStamp && !endedDevices.includes(id),
    )?.id
}

/** The id of the user who logged in last in this browser, as far as it is known. */
export function lastUser(ctx: Context, gatehouse: Gatehouse): string | undefined {
  return carried(ctx, gatehouse)[0]?.userId
}

/** Lets this browser carry that it has logged in to the account, by the id that it has for that already unless another is given. */
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
    [{ userId, stamp, id, at: gatehouse.now() }, ...others].slice(0, MOST_ACCOUNTS),
    {
      maxAge: DEVICE_LIFE,
    },
  )
}

/** Lets go of the account in this browser, which is a stranger to it from now on. */
export function forgetDevice(ctx: Context, gatehouse: Gatehouse, userId: string): void {
  const others = carried(ctx, gatehouse).filter((one) => one.userId !== userId)
  if (others.length === 0) gatehouse.deviceCookie.clear(ctx)
  else gatehouse.deviceCookie.write(ctx, others, { maxAge: DEVICE_LIFE })
}

function carried(ctx: Context, gatehouse: Gatehouse): Known[] {
  const content = gatehouse.deviceCookie.read(ctx)
  const known = Array.isArray(content) ? content.filter(isKnown) : []
  // A browser that does not let go of a cookie in time, or a copy of one, has it no longer.
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
