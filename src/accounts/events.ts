import { setTimeout as pause } from 'node:timers/promises'
import type { Logger } from 'pino'
import { DatabaseUnavailable } from '../database/unavailable.js'
import { pooledRandomBytes } from '../secrets/random.js'
import * as events from '../tables/events.js'
import type { Database } from '../tables/schema.js'

export interface Events {
  report(stored: readonly events.AccountEvent[]): void
  queue(event: events.AccountEvent): void
  close(): Promise<void>
}

/** Called after each event is stored, at most once: not if the process ends or loses the database before. What it throws is logged. */
export type OnEvent = (event: events.AccountEvent) => void | Promise<void>

export interface EventsOptions {
  database: Database
  log: Logger
  onEvent?: OnEvent | undefined
}

const WRITE_EVERY = 1000
const BATCH = 100
const MAX_WAITING = 10_000
const END_WAIT = 1_000

export function createEvents({ database, log, onEvent }: EventsOptions): Events {
  const waiting: events.StoredEvent[] = []

  const failed = (error: unknown) => log.error({ err: error }, 'onEvent failed')
  const report = (stored: readonly events.AccountEvent[]) => {
    for (const event of stored) void Promise.resolve(event).then(onEvent).catch(failed)
  }

  const write = async (batch: readonly events.StoredEvent[]) => {
    await database.writeLoose((db) => events.insertAll(db, batch))
    report(batch)
  }
  const writeWaiting = () => writeAll(waiting, write, log)

  let stopped = false
  let timer: NodeJS.Timeout
  let writing: Promise<void> = Promise.resolve()
  const writeIn = (delay: number) => {
    timer = setTimeout(() => {
      writing = writeWaiting()
        .catch((error: unknown) => log.debug({ err: error }, 'events waiting'))
        .finally(() => stopped || writeIn(WRITE_EVERY))
    }, delay).unref()
  }
  writeIn(WRITE_EVERY)

  return {
    report,
    queue(event) {
      if (waiting.length >= MAX_WAITING) return void log.warn('event lost: too many are waiting')
      waiting.push(withEventId(event))
    },
    async close() {
      stopped = true
      clearTimeout(timer)
      await Promise.race([writing.then(writeWaiting).catch(() => {}), pause(END_WAIT)])
      if (waiting.length > 0) log.warn({ count: waiting.length }, 'events lost: database unavailable')
    },
  }
}

/** Takes the events out of `waiting` as they are written. */
async function writeAll(
  waiting: events.StoredEvent[],
  write: (batch: readonly events.StoredEvent[]) => Promise<void>,
  log: Logger,
): Promise<void> {
  while (waiting.length > 0) {
    const batch = waiting.slice(0, BATCH)
    await write(batch)
      .then(() => waiting.splice(0, batch.length))
      .catch(async (error: unknown) => {
        if (error instanceof DatabaseUnavailable) throw error
        // An event that cannot be stored, such as of a deleted user, must not block the others.
        for (const event of batch) {
          await write([event]).catch((error: unknown) => giveUp(error, log))
          waiting.shift()
        }
      })
  }
}

function giveUp(error: unknown, log: Logger): void {
  if (error instanceof DatabaseUnavailable) throw error
  log.error({ err: error }, 'event lost')
}

let count = 0

export function withEventId<Event extends { at: number }>(event: Event): Event & { id: string } {
  count = (count + 1) % 1e6
  const order = String(event.at).padStart(15, '0') + String(count).padStart(6, '0')
  return { ...event, id: order + pooledRandomBytes(5).toString('hex') }
}

export function eventId(text: unknown): string | undefined {
  return typeof text === 'string' && /^\d{21}[\da-f]{10}$/.test(text) ? text : undefined
}
