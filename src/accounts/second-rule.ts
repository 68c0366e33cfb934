import { DAY } from '../base/durations.js'
import * as events from '../tables/events.js'
import type { User } from '../tables/users.js'
import type { Registry } from './registry.js'

type Ruled = Pick<Registry, 'rules' | 'offers' | 'now'>

export function isSecondRequired({ rules: { second }, offers, now }: Ruled, user: User): boolean {
  return now() >= second.from && offers('login/two-step') && second.applies(user)
}

export function lacksSecond(ruled: Ruled, user: User): boolean {
  return user.secondStepAt === null && isSecondRequired(ruled, user)
}

export function upcomingSecondAt({ rules: { second }, offers, now }: Ruled, user: User): number | undefined {
  const isComing = user.secondStepAt === null && now() < second.from
  return isComing && offers('login/two-step') && second.applies(user) ? second.from : undefined
}

const AWAY = 45 * DAY

// The password of an abandoned account may have leaked, so setting up its second step takes the mailbox, too. Logins
// under the rule do not count, because they took only the password.
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
