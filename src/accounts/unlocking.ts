import type { User } from '../tables/users.js'
import { withEvent } from './history.js'
import { resetAttempts } from './login-limits.js'
import type { Origin } from './origin.js'
import type { Registry } from './registry.js'
import { resetSecondAttempts } from './second-limits.js'

/** Resets failed logins, codes and second steps. Those of networks and known devices still count. */
export async function unlock(
  origin: Origin,
  registry: Registry,
  user: User,
  { reason }: { reason?: string | undefined } = {},
): Promise<void> {
  await resetAttempts(registry, user)
  await resetSecondAttempts(registry, user)
  const newEvent = { kind: 'account_unlocked', userId: user.id, about: reason } as const
  await withEvent(origin, registry, newEvent, async () => true)
}
