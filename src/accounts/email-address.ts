import type { Context } from 'koa'
import { isTaken } from '../database/constraints.js'
import type { MailKind } from '../mail/outbox.js'
import * as mails from '../tables/mails.js'
import type { Db } from '../tables/schema.js'
import * as sessions from '../tables/sessions.js'
import * as tokens from '../tables/tokens.js'
import * as users from '../tables/users.js'
import type { Gatehouse } from '../visitor/gatehouse.js'
import { newDeviceStamp } from '../visitor/known-devices.js'
import { circumstances } from '../visitor/origin.js'
import type { Broken } from '../web/form.js'
import * as fields from './fields.js'
import { happens } from './history.js'
import { REPEATED_FOR } from './lifetimes.js'
import { countedFor, countMail, countTaken, factsOfAsking, unseen } from './mail-limits.js'
import { hostObjections } from './registration.js'
import { takePlaces } from './security-log.js'

/** Where there is no field to type another one. */
export const TAKEN_MEANWHILE: Broken = {
  code: 'email_taken_meanwhile',
  sentence: 'This e-mail address is already in use by another account.',
}
const SAME: Broken = { field: 'email', code: 'email_same', sentence: 'This is your address already.' }

/** Uses the token up and confirms its address, unless that was done already, or it is somebody else's by now. */
export async function confirmAddress(
  ctx: Context,
  gatehouse: Gatehouse,
  { account, hash }: { account: users.Account; hash: string },
): Promise<'now' | 'before' | 'taken'> {
  const { id, email } = account.user
  const now = gatehouse.now()
  try {
    if (await users.isEmailTaken(gatehouse.database.main, fields.emailKeyOf(email), { now, userId: id }))
      return 'taken'
    const token = await happens(
      ctx,
      gatehouse,
      { kind: 'email_confirmed', userId: id },
      async (transaction) => {
        const used = await tokens.use(transaction, { hash, purpose: 'email-confirm', now })
        if (used?.emailKey !== fields.emailKeyOf(email)) return undefined
        const confirmation = { email, emailKey: used.emailKey, now }
        return (await users.confirmEmail(transaction, id, confirmation)) ? used : undefined
      },
    )
    return token === undefined ? 'before' : 'now'
  } catch (error) {
    if (isTaken(error)) return 'taken'
    throw error
  }
}

/** Sends another mail with a link and a code. */
export async function sendConfirmAgain(ctx: Context, gatehouse: Gatehouse, user: users.User): Promise<void> {
  await takePlaces(ctx, gatehouse, [
    { rule: 'mailPause', of: `email-confirm ${user.id}` },
    ...countedFor(ctx, gatehouse, { kind: 'email-confirm', userId: user.id, address: user.email }),
  ])
  const facts = factsOfAsking(ctx, gatehouse)
  await gatehouse.database.write((transaction) =>
    gatehouse.outbox.post(transaction, {
      kind: 'email-confirm',
      userId: user.id,
      facts,
      ...unseen(ctx, gatehouse),
    }),
  )
}

/** An address that is wanted, and the fingerprint of the form that says so. */
interface Wish {
  email: string
  form: string
}

/** Whether this very form has caused its mail just now: its answer may not have arrived, and it is not mailed again. */
async function wasMailed({ database, now }: Gatehouse, form: string): Promise<boolean> {
  const mail = await mails.byId(database.main, form)
  return mail !== undefined && now() - mail.createdAt < REPEATED_FOR
}

/** The mail carries the fingerprint of its form as its id, unless an earlier one does: a page may be used several times. */
async function freshForm({ database }: Gatehouse, form: string): Promise<{ form?: string }> {
  return (await mails.byId(database.main, form)) === undefined ? { form } : {}
}

/** Gives the account the address that was meant, and sends the mail there; answers what is wrong with it. */
export async function correctAddress(
  ctx: Context,
  gatehouse: Gatehouse,
  user: users.User,
  { email, form }: Wish,
): Promise<Broken[]> {
  const { privateEmails } = gatehouse.rules
  const emailKey = fields.emailKeyOf(email)
  const errors = fields.check(fields.email, email)
  if (errors.length > 0) return errors
  // Sent twice, or not changed: what was mailed to it stays good.
  if (email === user.email) {
    if (await wasMailed(gatehouse, form)) return []
    await sendConfirmAgain(ctx, gatehouse, user)
    return []
  }
  const ofHost = await hostObjections(gatehouse, { email, user })
  if (ofHost.length > 0) return [...ofHost]
  if (!privateEmails && (await isOthers(ctx, gatehouse, user, emailKey))) return [fields.EMAIL_TAKEN]
  const fresh = await freshForm(gatehouse, form)
  await countMail(ctx, gatehouse, { kind: 'email-confirm', userId: user.id, address: email })
  try {
    const happening = { kind: 'email_changed', userId: user.id, about: `${user.email} → ${email}` } as const
    await happens(ctx, gatehouse, happening, async (transaction) => {
      const claimed = privateEmails ? users.unclaimedKey(user.id) : emailKey
      const correction = { email, emailKey: claimed, now: gatehouse.now() }
      if (!(await users.correctEmail(transaction, user.id, correction))) return undefined
      // What was sent to the wrong address proves nothing of the right one.
      await tokens.revoke(transaction, user.id, ['email-confirm', 'password-reset'])
      const facts = factsOfAsking(ctx, gatehouse)
      await gatehouse.outbox.post(transaction, {
        kind: 'email-confirm',
        userId: user.id,
        facts,
        ...unseen(ctx, gatehouse),
        ...fresh,
      })
      await tellFormer(ctx, gatehouse, transaction, { former: user, email })
      return true
    })
    return []
  } catch (error) {
    if (isTaken(error)) return [fields.EMAIL_TAKEN]
    throw error
  }
}

/** Notes the new address, apart from the one that counts, and sends it a mail; answers what is wrong with it. */
export async function askForAddress(
  ctx: Context,
  gatehouse: Gatehouse,
  user: users.User,
  { email, form }: Wish,
): Promise<Broken[]> {
  const errors = await objectionsTo(ctx, gatehouse, user, email)
  if (errors.length > 0) return errors
  // Pressed twice: the link that is on its way stays good.
  if (email === user.nextEmail) {
    if (await wasMailed(gatehouse, form)) return []
    await sendChangeAgain(ctx, gatehouse, user, email)
    return []
  }
  const fresh = await freshForm(gatehouse, form)
  await countMail(ctx, gatehouse, { kind: 'email-change', userId: user.id, address: email })
  const now = gatehouse.now()
  await happens(
    ctx,
    gatehouse,
    { kind: 'email_asked', userId: user.id, about: email },
    async (transaction) => {
      await users.setNextEmail(transaction, user.id, { nextEmail: email, now })
      await tokens.revoke(transaction, user.id, ['email-change'])
      const facts = { email, language: gatehouse.languageOf(ctx) }
      await gatehouse.outbox.post(transaction, {
        kind: 'email-change',
        userId: user.id,
        facts,
        ...unseen(ctx, gatehouse),
        ...fresh,
      })
      return true
    },
  )
  return []
}

async function objectionsTo(
  ctx: Context,
  gatehouse: Gatehouse,
  user: users.User,
  email: string,
): Promise<Broken[]> {
  const errors = fields.check(fields.email, email)
  if (errors.length > 0) return errors
  if (email === user.email) return [SAME]
  const ofHost = await hostObjections(gatehouse, { email, user })
  if (ofHost.length > 0) return [...ofHost]
  if (gatehouse.rules.privateEmails) return []
  return (await isOthers(ctx, gatehouse, user, fields.emailKeyOf(email))) ? [fields.EMAIL_TAKEN] : []
}

/** Whether somebody else has the address; counted, for the answer tells it. */
async function isOthers(
  ctx: Context,
  gatehouse: Gatehouse,
  user: users.User,
  emailKey: string,
): Promise<boolean> {
  await countTaken(ctx, gatehouse)
  return users.isEmailTaken(gatehouse.database.main, emailKey, { now: gatehouse.now(), userId: user.id })
}

/** Sends the mail to the new address again. */
export async function sendChangeAgain(
  ctx: Context,
  gatehouse: Gatehouse,
  user: users.User,
  email: string,
): Promise<void> {
  await takePlaces(ctx, gatehouse, [
    { rule: 'mailPause', of: `email-change ${user.id}` },
    ...countedFor(ctx, gatehouse, { kind: 'email-change', userId: user.id, address: email }),
  ])
  await gatehouse.database.write((transaction) =>
    gatehouse.outbox.post(transaction, {
      kind: 'email-change',
      userId: user.id,
      facts: { email, language: gatehouse.languageOf(ctx) },
      ...unseen(ctx, gatehouse),
    }),
  )
}

/** The address stays as it is. */
export async function cancelChange(ctx: Context, gatehouse: Gatehouse, user: users.User): Promise<void> {
  const { nextEmail } = user
  if (nextEmail === null) return
  await happens(
    ctx,
    gatehouse,
    { kind: 'email_canceled', userId: user.id, about: nextEmail },
    async (transaction) => {
      await tokens.revoke(transaction, user.id, ['email-change'])
      return (
        (await users.setNextEmail(transaction, user.id, { nextEmail: null, now: gatehouse.now() })) ||
        undefined
      )
    },
  )
}

/** Changes the address if it is still wanted and free; the former one gets a mail by which that can be undone. */
export async function changeAddress(
  ctx: Context,
  gatehouse: Gatehouse,
  { email, emailKey, hash }: tokens.Token,
  { user, form }: { user: users.User; form: string },
): Promise<'done' | 'taken' | undefined> {
  const now = gatehouse.now()
  const happening = { kind: 'email_changed', userId: user.id, about: `${user.email} → ${email}` } as const
  try {
    if (await users.isEmailTaken(gatehouse.database.main, emailKey, { now, userId: user.id })) return 'taken'
    const done = await happens(ctx, gatehouse, happening, async (transaction) => {
      const former = (await users.held(transaction, user.id))?.user
      // A form that changes nothing leaves the link unused: sent again, it must not be told that it did.
      if (former?.nextEmail !== email) return undefined
      const used = await tokens.use(transaction, { hash, purpose: 'email-change', now, form })
      const change = { email, emailKey, now, wanted: true }
      if (!used || !(await users.setEmail(transaction, user.id, change))) return undefined
      // What was sent to the former address proves nothing any more, but that it was the former one.
      await tokens.revoke(transaction, user.id, ['email-confirm', 'password-reset'])
      await tellFormer(ctx, gatehouse, transaction, { former, email })
      return true
    })
    return done && 'done'
  } catch (error) {
    if (isTaken(error)) return 'taken'
    throw error
  }
}

/**
 * Tells the former address that it is that no longer. Only one that was confirmed may undo the change and learns the new
 * address: an address that nobody has confirmed may be a stranger's, typed by mistake.
 */
async function tellFormer(
  ctx: Context,
  gatehouse: Gatehouse,
  transaction: Db,
  { former, email }: { former: users.User; email: string },
): Promise<void> {
  const { id: userId, email: to } = former
  if (former.emailConfirmedAt !== null) {
    const facts = { to, email, ...circumstances(ctx, gatehouse) }
    await gatehouse.outbox.post(transaction, { kind: 'email-changed', userId, facts })
  } else if (fields.emailKeyOf(to) !== fields.emailKeyOf(email)) {
    const facts = { to, language: gatehouse.languageOf(ctx) }
    await gatehouse.outbox.post(transaction, {
      kind: 'email-corrected',
      userId,
      facts,
      ...unseen(ctx, gatehouse),
    })
  }
}

/** What ends when an address is restored, beside the links that undo later changes. */
const ENDED: readonly tokens.Purpose[] = ['email-confirm', 'password-reset', 'email-change', 'account-reopen']

/** Those that would make such a token when they are sent. */
const ENDED_MAILS: readonly MailKind[] = ['email-confirm', 'password-reset', 'email-change', 'account-closed']

/**
 * Somebody else had the account: its former address counts again, and everything that they may have is void. That the
 * account was closed meanwhile is undone, too.
 */
export async function restoreAddress(
  ctx: Context,
  gatehouse: Gatehouse,
  { userId, email, emailKey, hash, usedForm: form }: tokens.Token,
): Promise<users.User | 'taken' | undefined> {
  const now = gatehouse.now()
  const replaced = (await users.byId(gatehouse.database.main, userId))?.user.email
  try {
    if (await users.isEmailTaken(gatehouse.database.main, emailKey, { now, userId })) return 'taken'
    const done = await happens(
      ctx,
      gatehouse,
      { kind: 'email_restored', userId, about: email },
      async (transaction) => {
        const used = await tokens.use(transaction, { hash, purpose: 'email-undo', now, form })
        if (used === undefined || !(await users.setEmail(transaction, userId, { email, emailKey, now }))) {
          return undefined
        }
        await users.setPassword(transaction, userId, { passwordHash: '', deviceStamp: newDeviceStamp(), now })
        await users.reopen(transaction, userId, now)
        await sessions.closeAll(transaction, userId, { now })
        await tokens.revoke(transaction, userId, ENDED)
        await mails.cancel(transaction, userId, ENDED_MAILS)
        // Not those of earlier changes: a thief who changes the address twice could undo the second one, and end by it the
        // link that its owner was sent.
        await tokens.revokeLater(transaction, used)
        await mails.cancel(transaction, userId, ['email-changed'], { since: used.createdAt })
        const facts = { to: email, ...circumstances(ctx, gatehouse) }
        await gatehouse.outbox.post(transaction, { kind: 'email-restored', userId, facts })
        // Its owner may have left a mailbox that others read.
        if (replaced !== undefined && replaced !== email) {
          const told = { ...facts, to: replaced }
          await gatehouse.outbox.post(transaction, { kind: 'email-undone', userId, facts: told })
        }
        const asked = { ...facts, ...factsOfAsking(ctx, gatehouse) }
        await gatehouse.outbox.post(transaction, { kind: 'password-reset', userId, facts: asked })
        return true
      },
    )
    return done && (await users.byId(gatehouse.database.main, userId))?.user
  } catch (error) {
    if (isTaken(error)) return 'taken'
    throw error
  }
}
