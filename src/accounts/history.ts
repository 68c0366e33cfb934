import * as events from '../tables/events.js'
import type { Db } from '../tables/schema.js'
import { withEventId } from './events.js'
import { recordAction } from './operator-log.js'
import type { Origin } from './origin.js'
import type { Registry } from './registry.js'
import { logSecurity } from './security-log.js'

export interface NewEvent {
  kind: events.EventKind
  userId: string
  about?: string | undefined
}

class RolledBack extends Error {}

export function orRollBack(isPossible: boolean): asserts isPossible {
  if (!isPossible) throw new RolledBack()
}

export function unlessRolledBack<Result>(work: Promise<Result>): Promise<Result | undefined> {
  return work.catch((error: unknown) => {
    if (error instanceof RolledBack) return undefined
    throw error
  })
}

/** Stores the event in the transaction of `work`, which awaits only its own statements. If `work` returns undefined, nothing
 * is written; if null, there is only no event. */
export async function withEvent<Result>(
  origin: Origin,
  registry: Pick<Registry, 'database' | 'events' | 'log' | 'now' | 'pseudonym'>,
  newEvent: NewEvent,
  work: (transaction: Db) => Promise<Result | null | undefined>,
): Promise<Result | undefined> {
  const event = withEventId(eventOf(origin, registry, newEvent))
  const stored = registry.database.write(async (transaction) => {
    const done = await work(transaction)
    orRollBack(done !== undefined)
    if (done === null) return undefined
    await events.insert(transaction, event)
    orRollBack(await recordAction(transaction, origin, event))
    return done
  })
  const result = await unlessRolledBack(stored)
  if (result === undefined) return undefined
  registry.events.report([event])
  logSecurity(origin, registry, { event: event.kind, user: event.userId })
  return result
}

export function eventOf(
  { by, address, userAgent }: Origin,
  { now }: Pick<Registry, 'now'>,
  { kind, userId, about = null }: Omit<NewEvent, 'about'> & { about?: string | null | undefined },
): events.AccountEvent {
  return { kind, userId, about, by, at: now(), userAgent, address }
}
