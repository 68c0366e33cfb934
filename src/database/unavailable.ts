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

/** Told of what stood in the way each time that something is tried again. */
export type OnRetry = (error: DatabaseUnavailable) => void

/**
 * Does `work` again while others are in its way, for `wait` milliseconds at most, without blocking anybody. The pauses are
 * random: two who were in each other's way would meet again.
 */
export async function retried<Result>(
  work: () => Promise<Result>,
  wait: number,
  onRetry: OnRetry = () => {},
): Promise<Result> {
  const end = Date.now() + wait
  for (let longest = 10; ; longest = Math.min(longest * 2, 100)) {
    const delay = longest * (0.5 + Math.random() / 2)
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof DatabaseUnavailable && error.soon) || Date.now() + delay > end) throw error
      onRetry(error)
    }
    await pause(delay)
  }
}
