import { DAY } from '../base/durations.js'
import * as events from '../tables/events.js'
import type { User } from '../tables/users.js'
import type { Registry } from './registry.js'

type Ruled = Pick<Registry, 'rules' | 'offers' | 'now'>

export function isSecondRequired({ rules: { second }, offers, now }: Ruled, user: User): boolean {
  return now() >= second.from && offers('login/two-step') && second.applies(user)
}

/** Whether the user has to set up two-step verification before anything else. */
export function lacksSecond(ruled: Ruled, user: User): boolean {
  return user.secondStepAt === null && isSecondRequired(ruled, user)
}

/** Returns from when the user will have to, or undefined. */
export function secondDueAt({ rules: { second }, offers, now }: Ruled, user: User): number | undefined {
  const isComing = user.secondStepAt === null && now() < second.from
  return isComing && offers('login/two-step') && second.applies(user) ? second.from : undefined
}

const AWAY = 45 * DAY

// An old password may have leaked. Someone who knows it must not set up the second step of an account that its owner left alone,
// so they need the mailbox, too. Logins under the rule do not count, because they took only the password.
export async function isAway(registry: Registry, user: User): Promise<boolean> {
  if (!lacksSecond(registry, user) || !registry.outbox.isOn || !registry.offers('password/forgot'))
    return false
  const { rules, database, now } = registry
  const at = now() - AWAY
  if (user.createdAt > at) return false
  const { id: userId } = user
  const { main } = database
  if (await events.hasOwnSince(main, { userId, kind: 'password_reset', at })) return false
  return !(await events.hasOwnSince(main, { userId, kind: 'logged_in', at, until: rules.second.from }))
}
