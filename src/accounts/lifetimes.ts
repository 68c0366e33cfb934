import { DAY, MINUTE } from '../base/durations.js'

/** How long what lasts, in milliseconds. */
export interface Lifetimes {
  /** A session that is not used for so long ends. */
  idle: number
  /** The same for those who asked to be kept logged in. */
  keptIdle: number
  /** A session ends after so long however much it is used. */
  max: number
  /** So long after the password was asked for, a login counts as recent. */
  recent: number
  /** An account's history is kept for so long. */
  events: number
}

export const LIFETIMES: Lifetimes = {
  idle: DAY,
  keptIdle: 30 * DAY,
  max: 90 * DAY,
  recent: 10 * MINUTE,
  events: 365 * DAY,
}

/** For so long a form that comes again is known: a failover of the database takes up to a minute (docs/databases.md). */
export const REPEATED_FOR = 2 * MINUTE

/** When a session ends that is used now, UTC milliseconds. */
export function sessionEnd(
  { kept, createdAt }: { kept: boolean; createdAt: number },
  now: number,
  { idle, keptIdle, max }: Lifetimes,
): number {
  return Math.min(now + (kept ? keptIdle : idle), createdAt + max)
}
