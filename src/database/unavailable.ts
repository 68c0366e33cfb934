import { setTimeout as pause } from 'node:timers/promises'

export class DatabaseUnavailable extends Error {
  override readonly name = 'DatabaseUnavailable'
  readonly status = 503
  readonly retryAfter = 5
  readonly soon: boolean

  constructor({ soon, cause }: { soon: boolean; cause: Error }) {
    super(`The database is unavailable: ${cause.message}`, { cause })
    this.soon = soon
  }
}

export function ignoreUnavailable(error: unknown): void {
  if (!(error instanceof DatabaseUnavailable)) throw error
}

export type OnRetry = (error: DatabaseUnavailable) => void

/** Retries for at most `wait` milliseconds, after random pauses, so that two callers do not collide again. */
export async function withRetries<Result>(
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
