import { DAY } from '../base/durations.js'
import { isConstraintError, violationOf } from '../database/constraints.js'
import { DatabaseUnavailable } from '../database/unavailable.js'
import * as days from '../tables/days.js'
import * as events from '../tables/events.js'
import * as invitations from '../tables/invitations.js'
import * as limits from '../tables/limits.js'
import * as mails from '../tables/mails.js'
import * as sessions from '../tables/sessions.js'
import * as slugs from '../tables/slugs.js'
import * as spent from '../tables/spent-challenges.js'
import * as tokens from '../tables/tokens.js'
import { reencryptApps } from './app-secrets.js'
import { eraseExpired, NotErased, reasonOf, reportErased } from './erasing.js'
import type { Registry } from './registry.js'

const SWEEP_EVERY = 60 * 1000
const SWEEP_RETRY = 1000
const SWEEP_PAUSE = 20
// Blocks requests for about 5 ms.
const SWEEP_BATCH = 50
const TOKENS_KEPT = 30 * DAY
const SENT_KEPT = 7 * DAY
const FAILED_KEPT = 30 * DAY
const COUNTS_KEPT = 400 * DAY

type Sweeping = Pick<Registry, 'database' | 'log' | 'now' | 'lifetimes' | 'hooks' | 'events' | 'appCipher'>

const MAX_NAMED = 20

export function startSweeping(registry: Sweeping): () => Promise<void> {
  let stopped = false
  let timer: NodeJS.Timeout
  let sweeping = Promise.resolve()
  let pass = new Pass(registry)
  const sweepIn = (delay: number) => {
    if (!stopped) timer = setTimeout(sweep, delay).unref()
  }
  const sweep = () => {
    sweeping = pass
      .sweepOnce(() => stopped)
      .then(
        (isClean) => {
          if (isClean) pass = new Pass(registry)
          sweepIn(isClean ? SWEEP_EVERY : SWEEP_PAUSE)
        },
        (error: unknown) => {
          registry.log.debug({ err: error }, 'could not delete expired rows')
          sweepIn(SWEEP_RETRY)
        },
      )
  }
  sweepIn(0)
  return () => {
    stopped = true
    clearTimeout(timer)
    return sweeping
  }
}

type Sweep = (size: { batch: number; skip: number }) => Promise<number>

class Pass {
  readonly #registry: Sweeping
  readonly #skipped = new Map<string, number>()

  constructor(registry: Sweeping) {
    this.#registry = registry
  }

  async sweepOnce(isStopped: () => boolean): Promise<boolean> {
    let isClean = true
    for (const [table, sweep] of Object.entries(sweepsOf(this.#registry))) {
      if (isStopped()) return false
      const swept = await this.#sweepBatch(table, sweep)
      if (swept >= SWEEP_BATCH) isClean = false
    }
    await reportErased(this.#registry)
    return isClean
  }

  async #sweepBatch(table: string, sweep: Sweep): Promise<number> {
    try {
      return await sweep({ batch: SWEEP_BATCH, skip: this.#skippedIn(table) })
    } catch (error) {
      if (error instanceof DatabaseUnavailable) throw error
      if (isOfOneRow(error)) return await this.#sweepEach(table, sweep)
      this.#registry.log.warn({ from: table, err: error }, 'could not delete expired rows')
      return 0
    }
  }

  async #sweepEach(table: string, sweep: Sweep): Promise<number> {
    for (let row = 0; row < SWEEP_BATCH; row++) {
      try {
        if ((await sweep({ batch: 1, skip: this.#skippedIn(table) })) === 0) return row
      } catch (error) {
        if (!isOfOneRow(error)) throw error
        await this.#skip(table, error)
      }
    }
    return SWEEP_BATCH
  }

  #skippedIn(table: string): number {
    return this.#skipped.get(table) ?? 0
  }

  async #skip(table: string, error: unknown): Promise<void> {
    const { log } = this.#registry
    const skipped = this.#skippedIn(table) + 1
    this.#skipped.set(table, skipped)
    if (skipped > MAX_NAMED + 1) return
    if (skipped > MAX_NAMED) return log.warn({ from: table }, 'could not delete more expired rows')
    if (error instanceof NotErased) {
      return log.warn(await reasonOf(this.#registry, error), 'could not delete account: retrying in a minute')
    }
    log.warn({ from: table, ...violationOf(error) }, 'could not delete expired row')
  }
}

function isOfOneRow(error: unknown): boolean {
  return error instanceof NotErased || isConstraintError(error)
}

function sweepsOf(registry: Sweeping): Record<string, Sweep> {
  const {
    database: { loose },
    lifetimes,
  } = registry
  const now = registry.now()
  return {
    sessions: (size) => sessions.sweep(loose, { now, ...size }),
    limits: (size) => limits.sweep(loose, { now, ...size }),
    events: (size) => events.sweep(loose, { until: now - lifetimes.events, ...size }),
    users: (size) => eraseExpired(registry, { now, ...size }),
    slugs: (size) => slugs.sweep(loose, { now, ...size }),
    authenticator_apps: (size) => reencryptApps(registry, size),
    invitations: (size) => invitations.sweep(loose, { now, ...size }),
    spent_challenges: (size) => spent.sweep(loose, { now, ...size }),
    tokens: (size) => tokens.sweep(loose, { until: now - TOKENS_KEPT, ...size }),
    days: (size) => days.sweep(loose, { until: days.dayOf(now - COUNTS_KEPT), ...size }),
    mails: (size) =>
      mails.sweep(loose, { sentUntil: now - SENT_KEPT, failedUntil: now - FAILED_KEPT, ...size }),
  }
}
