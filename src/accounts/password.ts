import { isTaken } from '../database/constraints.js'
import type { Db } from '../tables/schema.js'
import * as tokens from '../tables/tokens.js'
import * as users from '../tables/users.js'
import { endWith, type Outcome } from './consequences.js'
import * as fields from './fields.js'
import { happens } from './history.js'
import { forgetTries } from './login-limits.js'
import { countMail } from './mail-limits.js'
import { circumstancesOf, type Origin } from './origin.js'
import type { Registry } from './registry.js'

/** The session in which a password is changed: it goes on, by another token. */
export interface OwnSession {
  id: string
  renew(transaction: Db): Promise<boolean>
}

/**
 * Sets another password in place of the one that `account` has, and tells the owner. Returns what has ended by that, or undefined
 * if the former one was changed meanwhile. A change of address that is not confirmed yet ends, too: whoever knew the former
 * password may have begun it. Throws `LimitReached`.
 */
export async function changePassword(
  origin: Origin,
  registry: Registry,
  { user, passwordHash: insteadOf }: users.Account,
  { password, session }: { password: string; session?: OwnSession },
): Promise<Outcome | undefined> {
  const { id: userId, email: to } = user
  await countMail(origin, registry, { kind: 'password-changed', userId, address: to })
  const passwordHash = await registry.passwords.hash(password, origin.visit?.refuseIfLeft)
  const now = registry.now()
  const facts = { to, ...circumstancesOf(origin, registry) }
  return happens(origin, registry, { kind: 'password_changed', userId }, async (transaction) => {
    if (!(await users.setPassword(transaction, userId, { passwordHash, now, insteadOf }))) return undefined
    await session?.renew(transaction)
    await registry.outbox.post(transaction, { kind: 'password-changed', userId, facts })
    return endWith(transaction, 'password_changed', { userId, now, ...(session && { session: session.id }) })
  })
}

export interface Reset {
  /** Undefined for none: its owner is mailed a link by which to choose one. */
  password: string | undefined
  /** The link by which it is done, which is used up, with the form that did it. */
  link?: tokens.Token
}

/**
 * Sets a password without the former one, and ends whatever was opened by that. What lets an owner undo what somebody else did
 * stays. Returns what has ended; undefined if there is no such user, or the link was used meanwhile.
 */
export async function resetPassword(
  origin: Origin,
  registry: Registry,
  user: users.User,
  { password, link }: Reset,
): Promise<Outcome | undefined> {
  const { id: userId } = user
  const now = registry.now()
  const passwordHash =
    password === undefined ? '' : await registry.passwords.hash(password, origin.visit?.refuseIfLeft)
  const outcome = await happens(origin, registry, { kind: 'password_reset', userId }, async (transaction) => {
    if (link !== undefined && !(await isUsedUp(transaction, link, now))) return undefined
    if (!(await users.setPassword(transaction, userId, { passwordHash, now }))) return undefined
    const ended = await endWith(transaction, 'password_reset', { userId, now, link: link?.hash })
    await tell(transaction, origin, registry, user, { isChosen: password !== undefined })
    if (link !== undefined) await confirmRead(transaction, link, user, now)
    return ended
  }).catch((error: unknown) => {
    // Somebody else has confirmed the address this very moment: pressed again, it is left out.
    if (isTaken(error)) return undefined
    throw error
  })
  if (outcome === undefined) return undefined
  await forgetTries(registry, user).catch((error: unknown) =>
    registry.log.warn({ err: error }, 'tries not forgotten'),
  )
  return outcome
}

async function isUsedUp(transaction: Db, { userId, email, hash, usedForm }: tokens.Token, now: number) {
  // A form that changes nothing leaves the link unused: sent again, it must not be told that it did.
  if ((await users.held(transaction, userId))?.user.email !== email) return false
  const use = { hash, purpose: 'password-reset', now, form: usedForm } as const
  return (await tokens.use(transaction, use)) !== undefined
}

function tell(
  transaction: Db,
  origin: Origin,
  registry: Registry,
  { id: userId, email: to }: users.User,
  { isChosen }: { isChosen: boolean },
): Promise<void> {
  if (!isChosen) return registry.outbox.post(transaction, { kind: 'password-reset', userId })
  const facts = { to, ...circumstancesOf(origin, registry) }
  return registry.outbox.post(transaction, { kind: 'password-changed', userId, facts })
}

// Whoever reads the mails of the address has proved it by this, too.
async function confirmRead(db: Db, { emailKey }: tokens.Token, user: users.User, now: number): Promise<void> {
  const isSame = emailKey === fields.emailKeyOf(user.email)
  if (!isSame || (await users.isEmailTaken(db, emailKey, { now, userId: user.id }))) return
  await users.confirmEmail(db, user.id, { email: user.email, emailKey, now })
}

/** Brings the stored hash up to today's costs, while the password is at hand; if that fails, the next login does it. */
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
    registry.log.warn({ err: error }, 'password hash not renewed')
  }
}
