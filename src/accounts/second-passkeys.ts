import * as apps from '../tables/authenticator-apps.js'
import * as passkeys from '../tables/passkeys.js'
import type { Db } from '../tables/schema.js'
import * as users from '../tables/users.js'
import { endWith, type Outcome } from './consequences.js'
import { withEvent } from './history.js'
import { circumstancesOf, type Origin } from './origin.js'
import type { Registry } from './registry.js'
import { isAway, lacksSecond } from './second-rule.js'
import { canTurnOn } from './two-step.js'

/** Turns two-step verification on for a user who has to have it, if a passkey of this domain verifies its user. Returns
 * undefined for others. */
export async function turnOnByPasskey(
  origin: Origin,
  registry: Registry,
  user: users.User,
  { rpId, session }: { rpId: string; session?: string },
): Promise<Outcome | undefined> {
  const { database, now: clock, outbox } = registry
  const { id: userId, email: to } = user
  if (!lacksSecond(registry, user) || !canTurnOn(registry, user)) return undefined
  if (!(await passkeys.hasVerified(database.main, userId, rpId)) || (await isAway(registry, user)))
    return undefined
  const facts = { to, ...circumstancesOf(origin, registry) }
  const now = clock()
  return withEvent(origin, registry, { kind: 'second_on', userId }, async (transaction) => {
    if (!(await users.startSecondStep(transaction, userId, now))) return undefined
    await outbox.post(transaction, { kind: 'second-on', userId, facts })
    return endWith(transaction, 'second_on', { userId, now, ...(session !== undefined && { session }) })
  })
}

export async function isLastSecond(
  transaction: Db,
  { user }: users.Account,
  { id, rpId, own }: { id: string; rpId: string; own: readonly passkeys.Passkey[] },
): Promise<boolean> {
  if (user.secondStepAt === null || (await apps.ofUser(transaction, user.id)) !== undefined) return false
  const seconds = own.filter((passkey) => passkey.wasVerified && passkey.rpId === rpId)
  return seconds.length === 1 && seconds[0]?.id === id
}
