import * as passkeys from '../tables/passkeys.js'
import type { Db } from '../tables/schema.js'
import * as users from '../tables/users.js'
import { endWith, type Outcome } from './consequences.js'
import { happens, orUndo } from './history.js'
import { countMail } from './mail-limits.js'
import { circumstancesOf, type Origin } from './origin.js'
import type { OwnSession } from './password.js'
import type { Registry } from './registry.js'

/**
 * Whether an account with these passkeys needs no password: one may get lost, so another or an email has to open the account. The
 * email is as strong as it is for a forgotten password.
 */
export function isEnough(
  registry: Pick<Registry, 'outbox' | 'offers'>,
  user: users.User,
  own: readonly passkeys.Passkey[],
): boolean {
  return own.length >= (user.emailConfirmedAt !== null && canResetByEmail(registry) ? 1 : 2)
}

/** Whether someone who reads the emails of an account can give it a password. */
export function canResetByEmail({ outbox, offers }: Pick<Registry, 'outbox' | 'offers'>): boolean {
  return outbox.isOn && offers('password/forgot')
}

/** Returns the user's passkeys that work at this domain. */
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
  const removed = await happens(
    origin,
    registry,
    { kind: 'password_removed', userId },
    async (transaction) => {
      const account = await users.lockAccount(transaction, userId)
      if (account === undefined || account.passwordHash === '') return undefined
      state = 'few'
      const own = await workingPasskeys(transaction, userId, rpId)
      if (!isEnough(registry, account.user, own)) return undefined
      orUndo(await users.setPassword(transaction, userId, { passwordHash: '', now }))
      orUndo(await session.renew(transaction))
      await registry.outbox.post(transaction, { kind: 'password-removed', userId, facts })
      return endWith(transaction, 'password_removed', { userId, now, session: session.id })
    },
  )
  return removed === undefined ? { state } : { state: 'removed', ...removed }
}
