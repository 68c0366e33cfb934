import { setTimeout as pause } from 'node:timers/promises'

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

/** Throws every error but this one. */
export function forgiveUnavailable(error: unknown): void {
  if (!(error instanceof DatabaseUnavailable)) throw error
}

/** Does `work` again while others are in its way, for `wait` milliseconds at most, without blocking anybody. */
export async function retried<Result>(work: () => Promise<Result>, wait: number): Promise<Result> {
  const end = Date.now() + wait
  for (let delay = 5; ; delay = Math.min(delay * 2, 100)) {
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof DatabaseUnavailable && error.soon) || Date.now() + delay > end) throw error
    }
    await pause(delay)
  }
}
