import { isTaken } from '../database/constraints.js'
import * as passkeys from '../tables/passkeys.js'
import type { Db } from '../tables/schema.js'
import * as tokens from '../tables/tokens.js'
import * as users from '../tables/users.js'
import { endWith, type Outcome } from './consequences.js'
import * as fields from './fields.js'
import { orRollBack, withEvent } from './history.js'
import { resetAttempts } from './login-limits.js'
import { countMail } from './mail-limits.js'
import { circumstancesOf, type Origin } from './origin.js'
import type { Registry } from './registry.js'

export interface OwnSession {
  id: string
  renew(transaction: Db): Promise<boolean>
}

export async function changePassword(
  origin: Origin,
  registry: Registry,
  { user, passwordHash: insteadOf }: users.Account,
  { password, session }: { password: string; session?: OwnSession },
): Promise<Outcome | undefined> {
  const { id: userId, email: to } = user
  await countMail(origin, registry, { kind: 'password-changed', userId, address: to })
  const passwordHash = await registry.passwords.hash(password, origin.visit?.throwIfDisconnected)
  const now = registry.now()
  const facts = { to, ...circumstancesOf(origin, registry) }
  return withEvent(origin, registry, { kind: 'password_changed', userId }, async (transaction) => {
    if (!(await users.setPassword(transaction, userId, { passwordHash, now, insteadOf }))) return undefined
    if (session !== undefined) orRollBack(await session.renew(transaction))
    await registry.outbox.post(transaction, { kind: 'password-changed', userId, facts })
    return endWith(transaction, 'password_changed', { userId, now, ...(session && { session: session.id }) })
  })
}

export interface Reset {
  password: string | undefined
  link?: tokens.Token
}

export async function resetPassword(
  origin: Origin,
  registry: Registry,
  user: users.User,
  { password, link }: Reset,
): Promise<Outcome | undefined> {
  const { id: userId } = user
  const now = registry.now()
  const passwordHash =
    password === undefined ? '' : await registry.passwords.hash(password, origin.visit?.throwIfDisconnected)
  const newEvent = { kind: 'password_reset', userId } as const
  const outcome = await withEvent(origin, registry, newEvent, async (transaction) => {
    if (link !== undefined && !(await useLink(transaction, link, now))) return undefined
    if (!(await users.setPassword(transaction, userId, { passwordHash, now }))) return undefined
    const ended = await endWith(transaction, 'password_reset', { userId, now, link: link?.hash })
    const own = await passkeys.ofUser(transaction, userId)
    // Someone else may have signed up with this address, and be waiting for its owner to use the account.
    const isForeign = link !== undefined && user.emailConfirmedAt === null
    if (isForeign) await passkeys.removeAll(transaction, userId)
    const left = isForeign ? 'gone' : 'stay'
    await tell(transaction, origin, registry, user, {
      isChosen: password !== undefined,
      passkeys: own.length > 0 ? left : '',
    })
    if (link !== undefined) await confirmByLink(transaction, link, user, now)
    return ended
  }).catch((error: unknown) => {
    // Another account has just confirmed the address, which the next attempt will find.
    if (isTaken(error)) return undefined
    throw error
  })
  if (outcome === undefined) return undefined
  await resetAttempts(registry, user).catch((error: unknown) =>
    registry.log.warn({ err: error }, 'could not reset login attempts'),
  )
  return outcome
}

async function useLink(transaction: Db, { userId, email, hash, usedForm }: tokens.Token, now: number) {
  if ((await users.lockAccount(transaction, userId))?.user.email !== email) return false
  const use = { hash, purpose: 'password-reset', now, form: usedForm } as const
  return (await tokens.use(transaction, use)) !== undefined
}

function tell(
  transaction: Db,
  origin: Origin,
  registry: Registry,
  { id: userId, email: to }: users.User,
  { isChosen, passkeys }: { isChosen: boolean; passkeys: 'stay' | 'gone' | '' },
): Promise<void> {
  if (!isChosen) return registry.outbox.post(transaction, { kind: 'password-reset', userId })
  const facts = { to, passkeys, ...circumstancesOf(origin, registry) }
  return registry.outbox.post(transaction, { kind: 'password-changed', userId, facts })
}

export const TO_PASSKEYS = { code: 'password_to_passkeys', sentence: 'Your passkeys' }

export async function hasPasskeys({ database }: Registry, { id }: users.User): Promise<boolean> {
  return (await passkeys.ofUser(database.main, id)).length > 0
}

async function confirmByLink(
  db: Db,
  { emailKey }: tokens.Token,
  user: users.User,
  now: number,
): Promise<void> {
  const { id, email } = user
  const isSame = email !== null && emailKey === fields.emailKeyOf(email)
  if (!isSame || (await users.isEmailTaken(db, emailKey, { now, userId: id }))) return
  await users.confirmEmail(db, id, { email, emailKey, now })
}

export async function renewHash(
  registry: Registry,
  { user, passwordHash }: users.Account,
  password: string,
): Promise<void> {
  if (!registry.passwords.isOutdated(passwordHash)) return
  try {
    const renewed = await registry.passwords.hash(password)
    const hashes = { old: passwordHash, new: renewed }
    await registry.database.write((transaction) => users.rehash(transaction, user.id, hashes))
  } catch (error) {
    registry.log.warn({ err: error }, 'could not update password hash')
  }
}
