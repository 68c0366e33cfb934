import { DAY } from './durations.js'
import type { House } from './house.js'
import * as events from './tables/events.js'
import * as limits from './tables/limits.js'
import * as mails from './tables/mails.js'
import * as sessions from './tables/sessions.js'
import * as slugs from './tables/slugs.js'
import * as tokens from './tables/tokens.js'
import * as users from './tables/users.js'

const SWEEP_EVERY = 60 * 1000
const SWEEP_RETRY = 1000
const SWEEP_PAUSE = 20
/** What is deleted in some 5 ms, in which nobody is served. */
const SWEEP_BATCH = 50
/** So long a used or old link is known for what it is, and a mail can be looked up that was sent or given up. */
const TOKENS_KEPT = 30 * DAY
const SENT_KEPT = 7 * DAY
const DEAD_KEPT = 30 * DAY

/** Deletes what has ended, now and every minute, in small batches between which requests are served. */
export function startSweeping(house: Pick<House, 'database' | 'log' | 'now' | 'lifetimes'>): () => void {
  let stopped = false
  let timer: NodeJS.Timeout
  const sweepIn = (delay: number) => {
    if (!stopped) timer = setTimeout(sweep, delay).unref()
  }
  const sweep = () => {
    sweepOnce(house).then(
      (isClean) => sweepIn(isClean ? SWEEP_EVERY : SWEEP_PAUSE),
      (error: unknown) => {
        house.log.debug({ err: error }, 'what has ended was not swept')
        sweepIn(SWEEP_RETRY)
      },
    )
  }
  sweepIn(0)
  return () => {
    stopped = true
    clearTimeout(timer)
  }
}

/** Deletes a batch of each kind, and answers whether nothing is left. */
async function sweepOnce({
  database: { loose },
  now,
  lifetimes,
}: Parameters<typeof startSweeping>[0]): Promise<boolean> {
  const batch = SWEEP_BATCH
  const swept = [
    await sessions.sweep(loose, { now: now(), batch }),
    await limits.sweep(loose, { now: now(), batch }),
    await events.sweep(loose, { until: now() - lifetimes.events, batch }),
    await users.sweep(loose, { now: now(), batch }),
    await slugs.sweep(loose, { now: now(), batch }),
    await tokens.sweep(loose, { until: now() - TOKENS_KEPT, batch }),
    await mails.sweep(loose, { sentUntil: now() - SENT_KEPT, deadUntil: now() - DEAD_KEPT, batch }),
  ]
  return swept.every((count) => count < batch)
}
