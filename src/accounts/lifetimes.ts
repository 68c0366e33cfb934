import { DAY, MINUTE } from '../base/durations.js'

/** In milliseconds. */
export interface Lifetimes {
  /** A session ends when unused for this long. Default: 1 day. */
  idle: number
  /** The same for users who chose to stay logged in. Default: 30 days. */
  keptIdle: number
  /** A session ends after this long even when used. Default: 90 days. */
  max: number
  /** A login counts as recent for this long after the password was entered. Default: 10 minutes. */
  recent: number
  /** Activity is kept for this long. Default: 365 days. */
  events: number
}

export const LIFETIMES: Lifetimes = {
  idle: DAY,
  keptIdle: 30 * DAY,
  max: 90 * DAY,
  recent: 10 * MINUTE,
  events: 365 * DAY,
}

// Longer than a failover of the database (docs/databases.md).
export const REPEAT_WINDOW = 2 * MINUTE

export function sessionEnd(
  { kept, createdAt }: { kept: boolean; createdAt: number },
  now: number,
  { idle, keptIdle, max }: Lifetimes,
): number {
  return Math.min(now + (kept ? keptIdle : idle), createdAt + max)
}
