import type { Origin } from './origin.js'

/** Who acts, for the account activity, emails and `onEvent`. */
export interface ActedBy {
  /** `host` by default. With the id of an admin the activity says "By the people who run this site". */
  by?: 'host' | `admin:${string}`
  /** IP address to record; none by default. */
  address?: string
  /** `User-Agent` to record; none by default. */
  userAgent?: string
}

export function originOf({ by = 'host', address = '', userAgent = '' }: ActedBy = {}): Origin {
  return { by, address, userAgent }
}
