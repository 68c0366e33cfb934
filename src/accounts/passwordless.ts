import * as passkeys from '../tables/passkeys.js'
import type { Db } from '../tables/schema.js'
import * as users from '../tables/users.js'
import { endWith, type Outcome } from './consequences.js'
import { orRollBack, withEvent } from './history.js'
import { countMail } from './mail-limits.js'
import { circumstancesOf, type Origin } from './origin.js'
import type { OwnSession } from './password.js'
import type { Registry } from './registry.js'

/** Whether these passkeys are enough without a password: if one is lost, another or an email must open the account. */
export function isEnough(
  registry: Pick<Registry, 'outbox' | 'offers'>,
  user: users.User,
  own: readonly passkeys.Passkey[],
): boolean {
  return own.length >= (user.emailConfirmedAt !== null && canResetByEmail(registry) ? 1 : 2)
}

export function canResetByEmail({ outbox, offers }: Pick<Registry, 'outbox' | 'offers'>): boolean {
  return outbox.isOn && offers('password/forgot')
}

export async function workingPasskeys(db: Db, userId: string, rpId: string): Promise<passkeys.Passkey[]> {
  return (await passkeys.ofUser(db, userId)).filter((passkey) => passkey.rpId === rpId)
}

export type PasswordRemoved = ({ state: 'removed' } & Outcome) | { state: 'gone' } | { state: 'few' }

export async function removePassword(
  origin: Origin,
  registry: Registry,
  { id: userId, email: to }: users.User,
  { rpId, session }: { rpId: string; session: OwnSession },
): Promise<PasswordRemoved> {
  await countMail(origin, registry, { kind: 'password-removed', userId, address: to })
  const now = registry.now()
  const facts = { to, ...circumstancesOf(origin, registry) }
  let state: 'gone' | 'few' = 'gone'
  const removed = await withEvent(
    origin,
    registry,
    { kind: 'password_removed', userId },
    async (transaction) => {
      state = 'gone' // Also in another try of the transaction.
      const account = await users.lockAccount(transaction, userId)
      if (account === undefined || account.passwordHash === '') return undefined
      state = 'few'
      const own = await workingPasskeys(transaction, userId, rpId)
      if (!isEnough(registry, account.user, own)) return undefined
      orRollBack(await users.setPassword(transaction, userId, { passwordHash: '', now }))
      orRollBack(await session.renew(transaction))
      await registry.outbox.post(transaction, { kind: 'password-removed', userId, facts })
      return endWith(transaction, 'password_removed', { userId, now, session: session.id })
    },
  )
  return removed === undefined ? { state } : { state: 'removed', ...removed }
}
