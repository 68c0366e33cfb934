import { newDeviceStamp } from '../secrets/token.js'
import * as events from '../tables/events.js'
import * as sessions from '../tables/sessions.js'
import * as users from '../tables/users.js'
import { endWith, type Outcome } from './consequences.js'
import { withEventId } from './events.js'
import { eventOf, withEvent } from './history.js'
import type { Origin } from './origin.js'
import type { Registry } from './registry.js'

export async function endSessions(
  origin: Origin,
  registry: Registry,
  userId: string,
): Promise<Outcome | undefined> {
  const now = registry.now()
  return withEvent(origin, registry, { kind: 'sessions_ended', userId }, (transaction) =>
    endWith(transaction, 'sessions_ended', { userId, now }),
  )
}

export async function endOtherSessions(
  origin: Origin,
  registry: Registry,
  { id: session, userId }: sessions.Owned,
): Promise<Outcome | undefined> {
  const now = registry.now()
  return withEvent(origin, registry, { kind: 'devices_revoked', userId }, (transaction) =>
    endWith(transaction, 'devices_revoked', { userId, now, session }),
  )
}

export async function endSessionsOf(
  origin: Origin,
  registry: Pick<Registry, 'database' | 'events' | 'now'>,
  userIds: readonly string[],
): Promise<string[]> {
  const now = registry.now()
  const { owners, newEvents } = await registry.database.write(async (transaction) => {
    // Users before their sessions, like all transactions.
    await users.setDeviceStamps(transaction, userIds, newDeviceStamp())
    const owners = await sessions.closeAllOf(transaction, userIds, { now })
    const newEvents = [...new Set(owners)].map((userId) =>
      withEventId(eventOf(origin, registry, { kind: 'sessions_ended', userId })),
    )
    await events.insertAll(transaction, newEvents)
    return { owners, newEvents }
  })
  registry.events.report(newEvents)
  return owners
}
