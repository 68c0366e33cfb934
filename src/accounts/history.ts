import { setTimeout as pause } from 'node:timers/promises'
import type { Context } from 'koa'
import type { Logger } from 'pino'
import { DatabaseUnavailable } from '../database/unavailable.js'
import { randomFew } from '../secrets/random.js'
import * as events from '../tables/events.js'
import type { Database, Db } from '../tables/schema.js'
import type { Gatehouse } from '../visitor/gatehouse.js'
import { logSecurity } from './security-log.js'

/** The security history as it is written, and told to the host. */
export interface Events {
  /** Gives the event its place in the history, for the transaction that does what it tells of. */
  stored(event: events.AccountEvent): events.StoredEvent
  /** Tells the host of events that were committed. */
  tell(told: readonly events.AccountEvent[]): void
  /** Writes the event within a second, together with others: a failed login costs no write of its own. */
  note(event: events.AccountEvent): void
  /** Writes what still waits, and writes no more. */
  close(): Promise<void>
}

/** Called after each event was stored; what it throws is logged. */
export type OnEvent = (event: events.AccountEvent) => void | Promise<void>

export interface EventsOptions {
  database: Database
  log: Logger
  onEvent?: OnEvent | undefined
}

const WRITE_EVERY = 1000
const BATCH = 100
/** A ceiling for the memory that they take. */
const MOST_WAITING = 10_000
/** At the end they are not waited for longer than that. */
const END_WAIT = 1_000

export function createEvents({ database, log, onEvent }: EventsOptions): Events {
  const waiting: events.StoredEvent[] = []

  const tell = (told: readonly events.AccountEvent[]) => {
    for (const event of told) {
      Promise.resolve(event)
        .then(onEvent)
        .catch((error: unknown) => log.error({ err: error }, 'onEvent failed'))
    }
  }

  const write = async (batch: readonly events.StoredEvent[]) => {
    await database.note((db) => events.insertAll(db, batch))
    tell(batch)
  }

  // One that cannot be stored, for instance of a user who is gone meanwhile, must not hold up those of all others.
  const writeApart = async (batch: readonly events.StoredEvent[]) => {
    for (const event of batch) {
      await write([event]).catch((error: unknown) => {
        if (error instanceof DatabaseUnavailable) throw error
        log.error({ err: error }, 'an event was lost')
      })
    }
  }

  const writeWaiting = async () => {
    while (waiting.length > 0) {
      const batch = waiting.slice(0, BATCH)
      await write(batch).catch((error: unknown) => {
        if (error instanceof DatabaseUnavailable) throw error
        return writeApart(batch)
      })
      waiting.splice(0, batch.length)
    }
  }

  let stopped = false
  let timer: NodeJS.Timeout
  let writing: Promise<void> = Promise.resolve()
  const writeIn = (delay: number) => {
    timer = setTimeout(() => {
      writing = writeWaiting()
        .catch((error: unknown) => log.debug({ err: error }, 'events wait'))
        .finally(() => stopped || writeIn(WRITE_EVERY))
    }, delay).unref()
  }
  writeIn(WRITE_EVERY)

  return {
    stored: numbered,
    tell,
    note(event) {
      if (waiting.length >= MOST_WAITING) return void log.warn('an event was lost: too many wait')
      waiting.push(numbered(event))
    },
    async close() {
      stopped = true
      clearTimeout(timer)
      await Promise.race([writing.then(writeWaiting).catch(() => {}), pause(END_WAIT)])
      if (waiting.length > 0)
        log.warn({ count: waiting.length }, 'events were lost: the database was not available')
    },
  }
}

let count = 0

// The time first, then a number that grows: the order of ids is that of events.
function numbered(event: events.AccountEvent): events.StoredEvent {
  count = (count + 1) % 1e6
  const place = String(event.at).padStart(15, '0') + String(count).padStart(6, '0')
  return { ...event, id: place + randomFew(5).toString('hex') }
}

/** The id of an event, if a text looks like one. */
export function eventId(text: unknown): string | undefined {
  return typeof text === 'string' && /^\d{21}[\da-f]{10}$/.test(text) ? text : undefined
}

/** What happens, to whom, and if not to the account itself, to what. */
export interface Happening {
  kind: events.EventKind
  userId: string
  about?: string
}

/** Does `work`, which stores the event with what it tells of, and then tells the host; unless `work` answers false. */
export async function recorded<Result>(
  ctx: Context,
  gatehouse: Gatehouse,
  happening: Happening,
  work: (event: events.StoredEvent) => Promise<Result>,
): Promise<Result> {
  const event = gatehouse.events.stored(eventOf(ctx, gatehouse, happening))
  const result = await work(event)
  if (result !== false) told(ctx, gatehouse, event)
  return result
}

/**
 * Does `work` in a transaction that also stores the event, and then tells the host; unless `work` answers that nothing has
 * happened. It awaits nothing but statements of its own.
 */
export async function happens<Result>(
  ctx: Context,
  gatehouse: Gatehouse,
  happening: Happening,
  work: (transaction: Db) => Promise<Result | undefined>,
): Promise<Result | undefined> {
  const event = gatehouse.events.stored(eventOf(ctx, gatehouse, happening))
  const result = await withEvent(gatehouse.database, event, work)
  if (result !== undefined) told(ctx, gatehouse, event)
  return result
}

function told(ctx: Context, gatehouse: Gatehouse, event: events.StoredEvent): void {
  gatehouse.events.tell([event])
  logSecurity(ctx, gatehouse, { event: event.kind, user: event.userId })
}

/** The same for the maintainer's commands, which call themselves `by` in the history; no host is there to be told. */
export async function commanded<Result>(
  { database, now }: Pick<Gatehouse, 'database' | 'now'>,
  happening: Commanded,
  work: (transaction: Db) => Promise<Result | undefined>,
): Promise<Result | undefined> {
  return withEvent(database, commandEvent(happening, now()), work)
}

/** What a command does, under the name by which the history knows it. */
export interface Commanded extends Happening {
  by: string
}

export function commandEvent({ by, kind, userId, about }: Commanded, at: number): events.StoredEvent {
  return numbered({ kind, userId, about: about ?? null, at, userAgent: by, address: '' })
}

function withEvent<Result>(
  database: Database,
  event: events.StoredEvent,
  work: (transaction: Db) => Promise<Result | undefined>,
): Promise<Result | undefined> {
  return database.write(async (transaction) => {
    const done = await work(transaction)
    if (done !== undefined) await events.insert(transaction, event)
    return done
  })
}

const MAX_USER_AGENT = 512

/** What a request does to an account, as the history will tell it. */
export function eventOf(ctx: Context, gatehouse: Gatehouse, happening: Happening): events.AccountEvent {
  const { kind, userId, about = null } = happening
  return {
    kind,
    userId,
    about,
    at: gatehouse.now(),
    userAgent: userAgentOf(ctx),
    address: gatehouse.address(ctx),
  }
}

/** The browser's own words for itself, as long as they are worth keeping. */
export function userAgentOf(ctx: Context): string {
  return ctx.get('User-Agent').slice(0, MAX_USER_AGENT)
}
