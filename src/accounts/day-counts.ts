import { setTimeout as pause } from 'node:timers/promises'
import type { Logger } from 'pino'
import { SECOND } from '../base/durations.js'
import * as days from '../tables/days.js'
import type { AccountEvent } from '../tables/events.js'
import type { Database } from '../tables/schema.js'
import type { LoginOutcome } from './registry.js'

/** For the charts of admins. Collected in memory, so that no response waits. A crash loses some. */
export interface DayCounts {
  event(event: AccountEvent): void
  login(outcome: LoginOutcome): void
  mailFailed(): void
  close(): Promise<void>
}

const WRITE_EVERY = SECOND
const END_WAIT = SECOND

const FAILED: readonly LoginOutcome[] = ['wrong', 'disabled', 'limited']

interface DayCountsOptions {
  database: Database
  log: Logger
  now: () => number
}

export function createDayCounts({ database, log, now }: DayCountsOptions): DayCounts {
  const waiting = new Map<string, days.DayCount>()

  const add = ({ day, kind, count }: days.DayCount) => {
    const known = waiting.get(`${day} ${kind}`)
    waiting.set(`${day} ${kind}`, { day, kind, count: count + (known?.count ?? 0) })
  }
  const countOne = (kind: days.DayKind) => add({ day: days.dayOf(now()), kind, count: 1 })

  const writeWaiting = async () => {
    if (waiting.size === 0) return
    const batch = [...waiting.values()]
    waiting.clear()
    await database
      .writeLoose((db) => days.add(db, batch))
      .catch((error: unknown) => {
        log.debug({ err: error }, 'counts waiting')
        batch.forEach(add)
      })
  }

  let writing: Promise<void> = Promise.resolve()
  const timer = setInterval(() => {
    writing = writing.then(writeWaiting)
  }, WRITE_EVERY).unref()

  return {
    event({ kind }) {
      if (kind === 'signed_up' || kind === 'logged_in') countOne(kind)
    },
    login(outcome) {
      if (FAILED.includes(outcome)) countOne('login_failed')
    },
    mailFailed: () => countOne('mail_failed'),
    async close() {
      clearInterval(timer)
      await Promise.race([writing.then(writeWaiting), pause(END_WAIT, undefined, { ref: false })])
    },
  }
}
