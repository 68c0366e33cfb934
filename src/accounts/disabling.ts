import * as users from '../tables/users.js'
import { endWith, type Outcome } from './consequences.js'
import { withEvent } from './history.js'
import { resetAttempts } from './login-limits.js'
import type { Origin } from './origin.js'
import type { Registry } from './registry.js'
import { keepAnAdmin } from './roles.js'

export const REASON_MAX = 200

export function isReason(text: string): boolean {
  return [...text].length <= REASON_MAX && !/\p{C}/u.test(text)
}

export async function disable(
  origin: Origin,
  registry: Registry,
  userId: string,
  { reason }: { reason?: string | undefined } = {},
): Promise<Outcome | undefined> {
  const now = registry.now()
  const newEvent = { kind: 'account_disabled', userId, about: reason } as const
  return withEvent(origin, registry, newEvent, async (transaction) => {
    await keepAnAdmin(transaction, userId)
    return (await users.disable(transaction, userId, now))
      ? endWith(transaction, 'account_disabled', { userId, now })
      : undefined
  })
}

export async function enable(
  origin: Origin,
  registry: Registry,
  user: users.User,
): Promise<Outcome | undefined> {
  const { id: userId } = user
  const now = registry.now()
  const outcome = await withEvent(
    origin,
    registry,
    { kind: 'account_enabled', userId },
    async (transaction) =>
      (await users.enable(transaction, userId, now))
        ? endWith(transaction, 'account_enabled', { userId, now })
        : undefined,
  )
  if (outcome !== undefined) await resetAttempts(registry, user)
  return outcome
}
