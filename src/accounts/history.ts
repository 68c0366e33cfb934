import * as events from '../tables/events.js'
import type { Db } from '../tables/schema.js'
import { numbered } from './events.js'
import { recordAction } from './operator-log.js'
import type { Origin } from './origin.js'
import type { Registry } from './registry.js'
import { logSecurity } from './security-log.js'

export interface Happening {
  kind: events.EventKind
  userId: string
  about?: string | undefined
}

class Undone extends Error {}

/** Undoes what `work` has written if it cannot go on. */
export function orUndo(isPossible: boolean): asserts isPossible {
  if (!isPossible) throw new Undone()
}

export function unlessUndone<Result>(work: Promise<Result>): Promise<Result | undefined> {
  return work.catch((error: unknown) => {
    if (error instanceof Undone) return undefined
    throw error
  })
}

/** Stores the event with `work`, unless that returns undefined. Returns undefined after `orUndo`, too. `work` awaits only its own statements. */
export async function happens<Result>(
  origin: Origin,
  registry: Pick<Registry, 'database' | 'events' | 'log' | 'now' | 'pseudonym'>,
  happening: Happening,
  work: (transaction: Db) => Promise<Result | undefined>,
): Promise<Result | undefined> {
  const event = numbered(eventOf(origin, registry, happening))
  const stored = registry.database.write(async (transaction) => {
    const done = await work(transaction)
    if (done === undefined) return undefined
    await events.insert(transaction, event)
    orUndo(await recordAction(transaction, origin, event))
    return done
  })
  const result = await unlessUndone(stored)
  if (result === undefined) return undefined
  registry.events.report([event])
  logSecurity(origin, registry, { event: event.kind, user: event.userId })
  return result
}

export function eventOf(
  { by, address, userAgent }: Origin,
  { now }: Pick<Registry, 'now'>,
  { kind, userId, about = null }: Omit<Happening, 'about'> & { about?: string | null | undefined },
): events.AccountEvent {
  return { kind, userId, about, by, at: now(), userAgent, address }
}
