import { isTaken } from '../database/constraints.js'
import * as mails from '../tables/mails.js'
import type { Db } from '../tables/schema.js'
import * as tokens from '../tables/tokens.js'
import * as users from '../tables/users.js'
import type { FieldError } from '../web/form.js'
import { endWith } from './consequences.js'
import * as fields from './fields.js'
import { withEvent } from './history.js'
import { REPEAT_WINDOW } from './lifetimes.js'
import {
  afterResponse,
  countedFor,
  countLookup,
  countMail,
  factsOfAsking,
  languageOf,
} from './mail-limits.js'
import { circumstancesOf, type Origin } from './origin.js'
import { hookErrors } from './registration.js'
import type { Registry } from './registry.js'
import { countAgainstLimits } from './security-log.js'

export const TAKEN_MEANWHILE: FieldError = {
  code: 'email_taken_meanwhile',
  sentence: 'This email address now belongs to another account.',
}
const SAME: FieldError = {
  field: 'email',
  code: 'email_same',
  sentence: 'This is already your email address.',
}

export interface RequestedEmail {
  email: string
  form: string
}

// A browser repeats a form whose response was lost. That must not send a second email.
export async function wasMailed({ database, now }: Registry, form: string): Promise<boolean> {
  const mail = await mails.byId(database.main, form)
  return mail !== undefined && now() - mail.createdAt < REPEAT_WINDOW
}

// An email's id is the fingerprint of its form, so the same page needs another id later.
export async function freshForm({ database }: Registry, form: string): Promise<{ form?: string }> {
  return (await mails.byId(database.main, form)) === undefined ? { form } : {}
}

export async function requestEmailChange(
  origin: Origin,
  registry: Registry,
  user: users.User,
  { email, form }: RequestedEmail,
): Promise<FieldError[]> {
  const errors = await changeErrors(origin, registry, user, email)
  if (errors.length > 0) return errors
  // The link that was sent must keep working.
  if (email === user.nextEmail) {
    if (await wasMailed(registry, form)) return []
    await sendChangeAgain(origin, registry, user, email)
    return []
  }
  const fresh = await freshForm(registry, form)
  await countMail(origin, registry, { kind: 'email-change', userId: user.id, address: email })
  const now = registry.now()
  const newEvent = { kind: 'email_asked', userId: user.id, about: email } as const
  await withEvent(origin, registry, newEvent, async (transaction) => {
    await users.setNextEmail(transaction, user.id, { nextEmail: email, now })
    await endWith(transaction, 'email_asked', { userId: user.id, now })
    const facts = { email, ...languageOf(origin) }
    await registry.outbox.post(transaction, {
      kind: 'email-change',
      userId: user.id,
      facts,
      ...afterResponse(origin, registry),
      ...fresh,
    })
    return true
  })
  return []
}

export async function changeErrors(
  origin: Origin,
  registry: Registry,
  user: users.User,
  email: string,
): Promise<FieldError[]> {
  const errors = fields.check(fields.email, email)
  if (errors.length > 0) return errors
  if (email === user.email) return [SAME]
  const ofHooks = await hookErrors(registry, { email, user })
  if (ofHooks.length > 0) return [...ofHooks]
  if (registry.rules.privateEmails) return []
  return (await isEmailInUse(origin, registry, user, fields.emailKeyOf(email))) ? [fields.EMAIL_TAKEN] : []
}

export async function isEmailInUse(
  origin: Origin,
  registry: Registry,
  user: users.User,
  emailKey: string,
): Promise<boolean> {
  await countLookup(origin, registry)
  return users.isEmailTaken(registry.database.main, emailKey, { now: registry.now(), userId: user.id })
}

export async function sendChangeAgain(
  origin: Origin,
  registry: Registry,
  user: users.User,
  email: string,
): Promise<void> {
  await countAgainstLimits(origin, registry, [
    { rule: 'mailPause', of: `email-change ${user.id}` },
    ...countedFor(origin, registry, { kind: 'email-change', userId: user.id, address: email }),
  ])
  await registry.database.write((transaction) =>
    registry.outbox.post(transaction, {
      kind: 'email-change',
      userId: user.id,
      facts: { email, ...languageOf(origin) },
      ...afterResponse(origin, registry),
    }),
  )
}

export async function cancelChange(origin: Origin, registry: Registry, user: users.User): Promise<void> {
  const { nextEmail } = user
  if (nextEmail === null) return
  await withEvent(
    origin,
    registry,
    { kind: 'email_canceled', userId: user.id, about: nextEmail },
    async (transaction) => {
      return endWith(transaction, 'email_canceled', { userId: user.id, now: registry.now() })
    },
  )
}

/** What the activity says of it. */
export function changeOf({ email: former }: users.User, email: string): string {
  return former === null ? email : `${former} → ${email}`
}

export async function changeAddress(
  origin: Origin,
  registry: Registry,
  { email, emailKey, hash }: tokens.Token,
  { user, form }: { user: users.User; form: string },
): Promise<'done' | 'taken' | undefined> {
  const now = registry.now()
  const newEvent = { kind: 'email_changed', userId: user.id, about: changeOf(user, email) } as const
  try {
    if (await users.isEmailTaken(registry.database.main, emailKey, { now, userId: user.id })) return 'taken'
    const done = await withEvent(origin, registry, newEvent, async (transaction) => {
      const former = (await users.lockAccount(transaction, user.id))?.user
      // A form that changes nothing must not use up the link, or its repeat would report success.
      if (former?.nextEmail !== email) return undefined
      const used = await tokens.use(transaction, { hash, purpose: 'email-change', now, form })
      const change = { email, emailKey, now, wanted: true }
      if (!used || !(await users.setEmail(transaction, user.id, change))) return undefined
      await endWith(transaction, 'email_changed', { userId: user.id, now })
      await notifyPrevious(origin, registry, transaction, { former, email })
      return true
    })
    return done && 'done'
  } catch (error) {
    if (isTaken(error)) return 'taken'
    throw error
  }
}

// An unconfirmed address may be a stranger's, who must not learn the new address nor undo the change.
export async function notifyPrevious(
  origin: Origin,
  registry: Registry,
  transaction: Db,
  { former, email }: { former: users.User; email: string },
): Promise<void> {
  const { id: userId, email: to } = former
  if (former.emailConfirmedAt !== null) {
    const facts = { to, email, ...circumstancesOf(origin, registry) }
    await registry.outbox.post(transaction, { kind: 'email-changed', userId, facts })
  } else if (to !== null && fields.emailKeyOf(to) !== fields.emailKeyOf(email)) {
    const facts = { to, ...languageOf(origin) }
    await registry.outbox.post(transaction, {
      kind: 'email-corrected',
      userId,
      facts,
      ...afterResponse(origin, registry),
    })
  }
}

export async function restoreAddress(
  origin: Origin,
  registry: Registry,
  { userId, email, emailKey, hash, usedForm: form }: tokens.Token,
): Promise<users.User | 'taken' | undefined> {
  const now = registry.now()
  const replaced = (await users.byId(registry.database.main, userId))?.user.email
  try {
    if (await users.isEmailTaken(registry.database.main, emailKey, { now, userId })) return 'taken'
    const done = await withEvent(
      origin,
      registry,
      { kind: 'email_restored', userId, about: email },
      async (transaction) => {
        const used = await tokens.use(transaction, { hash, purpose: 'email-undo', now, form })
        if (used === undefined || !(await users.setEmail(transaction, userId, { email, emailKey, now }))) {
          return undefined
        }
        await users.setPassword(transaction, userId, { passwordHash: '', now })
        await users.reopen(transaction, userId, now)
        await endWith(transaction, 'email_restored', { userId, now })
        // Not those of earlier changes, or a thief could end the owner's link by undoing a second change.
        await tokens.revokeLater(transaction, used)
        await mails.cancel(transaction, userId, ['email-changed'], { since: used.createdAt })
        await notifyRestored(origin, registry, transaction, { userId, email, replaced })
        return true
      },
    )
    return done && (await users.byId(registry.database.main, userId))?.user
  } catch (error) {
    if (isTaken(error)) return 'taken'
    throw error
  }
}

async function notifyRestored(
  origin: Origin,
  registry: Registry,
  transaction: Db,
  { userId, email, replaced }: { userId: string; email: string; replaced: string | null | undefined },
): Promise<void> {
  const facts = { to: email, ...circumstancesOf(origin, registry) }
  await registry.outbox.post(transaction, { kind: 'email-restored', userId, facts })
  // The owner may have left this mailbox because others read it.
  if (replaced != null && replaced !== email) {
    const undoneFacts = { ...facts, to: replaced }
    await registry.outbox.post(transaction, { kind: 'email-undone', userId, facts: undoneFacts })
  }
  const resetFacts = { ...facts, ...factsOfAsking(origin) }
  await registry.outbox.post(transaction, { kind: 'password-reset', userId, facts: resetFacts })
}
