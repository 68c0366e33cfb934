/** The database cannot do this now: locked by another process, full, read-only or out of reach. */
export class DatabaseUnavailable extends Error {
  override readonly name = 'DatabaseUnavailable'
  /** How it is answered: 503, with `Retry-After` in seconds. */
  readonly status = 503
  readonly retryAfter = 5
  /** Whether trying again within a second may do. */
  readonly soon: boolean

  constructor({ soon, cause }: { soon: boolean; cause: Error }) {
    super(`The database is not available: ${cause.message}`, { cause })
    this.soon = soon
  }
}
