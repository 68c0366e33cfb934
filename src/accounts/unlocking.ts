import type { User } from '../tables/users.js'
import { happens } from './history.js'
import { forgetTries } from './login-limits.js'
import type { Origin } from './origin.js'
import type { Registry } from './registry.js'
import { forgetSecondTries } from './second-limits.js'

/** Forgets failed attempts at the password, at emailed codes and at the second step. Those of networks and known devices still count. */
export async function unlock(
  origin: Origin,
  registry: Registry,
  user: User,
  { reason }: { reason?: string | undefined } = {},
): Promise<void> {
  await forgetTries(registry, user)
  await forgetSecondTries(registry, user)
  const happening = { kind: 'account_unlocked', userId: user.id, about: reason } as const
  await happens(origin, registry, happening, async () => true)
}
