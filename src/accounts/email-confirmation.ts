import { isTaken } from '../database/constraints.js'
import type { Db } from '../tables/schema.js'
import * as tokens from '../tables/tokens.js'
import * as users from '../tables/users.js'
import type { FieldError } from '../web/form.js'
import { endWith } from './consequences.js'
import {
  changeOf,
  freshForm,
  isEmailInUse,
  notifyPrevious,
  type RequestedEmail,
  wasMailed,
} from './email-address.js'
import * as fields from './fields.js'
import { withEvent } from './history.js'
import { afterResponse, countedFor, countMail, factsOfConfirming } from './mail-limits.js'
import type { Origin } from './origin.js'
import { hookErrors } from './registration.js'
import type { Registry } from './registry.js'
import { countAgainstLimits } from './security-log.js'

/** `hash`: of the link; without it the app vouches for the address. */
export async function confirmAddress(
  origin: Origin,
  registry: Registry,
  { account, hash }: { account: Pick<users.Account, 'user'>; hash?: string },
): Promise<'now' | 'before' | 'taken' | 'none'> {
  const { id, email } = account.user
  if (email === null) return 'none'
  const emailKey = fields.emailKeyOf(email)
  const now = registry.now()
  try {
    if (await users.isEmailTaken(registry.database.main, emailKey, { now, userId: id })) return 'taken'
    const isConfirmed = await withEvent(
      origin,
      registry,
      { kind: 'email_confirmed', userId: id },
      async (transaction) => {
        const isProved =
          hash === undefined
            ? await isUnconfirmed(transaction, id)
            : (await tokens.use(transaction, { hash, purpose: 'email-confirm', now }))?.emailKey === emailKey
        if (!isProved) return undefined
        return (await users.confirmEmail(transaction, id, { email, emailKey, now })) || undefined
      },
    )
    return isConfirmed === undefined ? 'before' : 'now'
  } catch (error) {
    if (isTaken(error)) return 'taken'
    throw error
  }
}

async function isUnconfirmed(transaction: Db, userId: string): Promise<boolean> {
  return (await users.lockAccount(transaction, userId))?.user.emailConfirmedAt === null
}

export async function sendConfirmAgain(origin: Origin, registry: Registry, user: users.User): Promise<void> {
  await countAgainstLimits(origin, registry, [
    { rule: 'mailPause', of: `email-confirm ${user.id}` },
    ...countedFor(origin, registry, { kind: 'email-confirm', userId: user.id, address: user.email }),
  ])
  const facts = factsOfConfirming(origin, registry, user)
  await registry.database.write((transaction) =>
    registry.outbox.post(transaction, {
      kind: 'email-confirm',
      userId: user.id,
      facts,
      ...afterResponse(origin, registry),
    }),
  )
}

export async function correctAddress(
  origin: Origin,
  registry: Registry,
  user: users.User,
  { email, form }: RequestedEmail,
): Promise<FieldError[]> {
  const { privateEmails } = registry.rules
  const emailKey = fields.emailKeyOf(email)
  const errors = fields.check(fields.email, email)
  if (errors.length > 0) return errors
  if (email === user.email) {
    if (await wasMailed(registry, form)) return []
    await sendConfirmAgain(origin, registry, user)
    return []
  }
  const ofHooks = await hookErrors(registry, { email, user })
  if (ofHooks.length > 0) return [...ofHooks]
  if (!privateEmails && (await isEmailInUse(origin, registry, user, emailKey))) return [fields.EMAIL_TAKEN]
  const fresh = await freshForm(registry, form)
  await countMail(origin, registry, { kind: 'email-confirm', userId: user.id, address: email })
  const claimed = privateEmails ? users.unclaimedKey(user.id) : emailKey
  try {
    await correct(origin, registry, user, { email, emailKey: claimed, fresh })
    return []
  } catch (error) {
    if (isTaken(error)) return [fields.EMAIL_TAKEN]
    throw error
  }
}

async function correct(
  origin: Origin,
  registry: Registry,
  user: users.User,
  { email, emailKey, fresh }: { email: string; emailKey: string; fresh: object },
): Promise<void> {
  const { id: userId } = user
  const newEvent = { kind: 'email_changed', userId, about: changeOf(user, email) } as const
  await withEvent(origin, registry, newEvent, async (transaction) => {
    const now = registry.now()
    if (!(await users.correctEmail(transaction, userId, { email, emailKey, now }))) return undefined
    await endWith(transaction, 'email_corrected', { userId, now })
    const facts = factsOfConfirming(origin, registry, user)
    const due = afterResponse(origin, registry)
    await registry.outbox.post(transaction, { kind: 'email-confirm', userId, facts, ...due, ...fresh })
    await notifyPrevious(origin, registry, transaction, { former: user, email })
    return true
  })
}
