import { DAY } from '../base/durations.js'
import * as apps from '../tables/authenticator-apps.js'
import * as events from '../tables/events.js'
import * as recovery from '../tables/recovery-codes.js'
import type { Db } from '../tables/schema.js'
import * as tokens from '../tables/tokens.js'
import * as users from '../tables/users.js'
import type { Message } from '../web/form.js'
import { endWith } from './consequences.js'
import { withEventId } from './events.js'
import { eventOf, orRollBack, withEvent } from './history.js'
import { LimitReached } from './limit-reached.js'
import { UNDO_LIFE } from './mail-kinds.js'
import { countedFor, languageOf } from './mail-limits.js'
import { circumstancesOf, type Origin } from './origin.js'
import type { Registry } from './registry.js'
import { isSecondRequired } from './second-rule.js'
import { countAgainstLimits, logSecurity } from './security-log.js'

export interface Lost {
  /** `over`: the password alone turns the second step off. */
  state: 'waiting' | 'over'
  endsAt: number
}

// If the owner never comes back, a password that leaks later must not be enough.
const OVER_LIFE = 7 * DAY

/** Returns undefined if nobody has asked to turn the second step off by email, or that has lapsed. */
export function lostOf(
  registry: Pick<Registry, 'rules' | 'offers' | 'now'>,
  user: users.User,
): Lost | undefined {
  const { secondEndsAt: endsAt } = user
  if (endsAt === null || endsAt <= lapsedAt(registry)) return undefined
  if (!registry.offers('login/two-step/lost') || isSecondRequired(registry, user)) return undefined
  return { state: registry.now() < endsAt ? 'waiting' : 'over', endsAt }
}

function lapsedAt({ now }: Pick<Registry, 'now'>): number {
  return now() - OVER_LIFE
}

const REQUIRED = {
  code: 'second_lost_required',
  sentence:
    'Two-step verification is required for you, so it cannot be turned off by email. Ask the people who run this site.',
}
const UNCONFIRMED = {
  code: 'second_lost_unconfirmed',
  sentence:
    'The email address of your account is not confirmed, so nothing can be turned off by email. Ask the people who run this site.',
}
export const PASSWORD_NEW = {
  code: 'second_lost_password_new',
  sentence:
    'Your password was changed a short time ago, so two-step verification cannot be turned off by email yet. You can ask for it {when}.',
}
const EMAIL_NEW = {
  code: 'second_lost_email_new',
  sentence:
    'Your email address was changed a short time ago, so two-step verification cannot be turned off by email yet. You can ask for it {when}.',
}

/** Returns why the second step cannot be turned off by email, or undefined. */
export function lostRefusalOf(registry: Registry, account: users.Account): Promise<Message | undefined> {
  return refusalIn(registry.database.main, registry, account)
}

// After a reset, or an email change that can still be undone, the mailbox alone would be proved (ASVS 5 6.4.3, 6.4.4).
async function refusalIn(
  db: Db,
  registry: Registry,
  { user, passwordAt, emailAt }: users.Account,
): Promise<Message | undefined> {
  if (isSecondRequired(registry, user)) return REQUIRED
  if (user.emailConfirmedAt === null) return UNCONFIRMED
  const { rules, now } = registry
  const passwordWait = (passwordAt ?? user.createdAt) + rules.lostWait - now()
  if (passwordWait > 0) return { ...PASSWORD_NEW, params: { when: { milliseconds: passwordWait } } }
  const undoable = emailAt === null ? 0 : emailAt + UNDO_LIFE
  const emailWait = Math.max(undoable, await tokens.undoableUntil(db, user.id)) - now()
  return emailWait > 0 ? { ...EMAIL_NEW, params: { when: { milliseconds: emailWait } } } : undefined
}

/** Call it only after the right password. Emails a link, or returns why not. */
export async function requestLost(
  origin: Origin,
  registry: Registry,
  account: users.Account,
  form: string,
): Promise<Message | undefined> {
  const { id: userId, email: address } = account.user
  const refusal = await lostRefusalOf(registry, account)
  if (refusal !== undefined) return refusal
  if (!(await isLostMailAllowed(origin, registry, userId, address))) return undefined
  const facts = { wait: registry.rules.lostWait, ...languageOf(origin) }
  await registry.database.write((transaction) =>
    registry.outbox.post(transaction, { kind: 'second-lost', userId, facts, form }),
  )
  logSecurity(origin, registry, { event: 'second_lost_mailed', user: userId })
  return undefined
}

async function isLostMailAllowed(
  origin: Origin,
  registry: Registry,
  userId: string,
  address: string | null,
): Promise<boolean> {
  try {
    await countAgainstLimits(origin, registry, [
      { rule: 'mailPause', of: `second-lost ${userId}` },
      { rule: 'secondLost', of: userId },
      ...countedFor(origin, registry, { kind: 'second-lost', address }),
    ])
    return true
  } catch (error) {
    if (error instanceof LimitReached && error.rule === 'mailPause') return false
    throw error
  }
}

/** `account` proves the password, the link the mailbox. Returns false if either has changed. */
export async function startLost(
  origin: Origin,
  registry: Registry,
  { user, deviceStamp }: users.Account,
  { hash, email, usedForm: form }: tokens.Token,
): Promise<boolean> {
  const { id: userId } = user
  const now = registry.now()
  const endsAt = now + registry.rules.lostWait
  const facts = { to: email, endsAt, ...circumstancesOf(origin, registry) }
  const isDone = await withEvent(
    origin,
    registry,
    { kind: 'second_lost_asked', userId },
    async (transaction) => {
      const account = await users.lockAccount(transaction, userId)
      if (account === undefined || account.deviceStamp !== deviceStamp) return undefined
      if (account.user.email !== email || account.closedAt !== null) return undefined
      if ((await refusalIn(transaction, registry, account)) !== undefined) return undefined
      const end = { endsAt, lapsedAt: lapsedAt(registry), now }
      if (!(await users.setSecondEnd(transaction, userId, end))) return undefined
      const used = await tokens.use(transaction, { hash, purpose: 'second-lost', now, form })
      orRollBack(used?.userId === userId)
      await endWith(transaction, 'second_lost_asked', { userId, now, link: hash })
      await registry.outbox.post(transaction, { kind: 'second-lost-asked', userId, facts })
      await remind(transaction, registry, { userId, facts })
      return true
    },
  )
  return isDone ?? false
}

async function remind(
  transaction: Db,
  { outbox, now }: Registry,
  { userId, facts }: { userId: string; facts: { endsAt: number } & ReturnType<typeof circumstancesOf> },
): Promise<void> {
  const dueAt = facts.endsAt - DAY
  if (dueAt <= now()) return
  await outbox.post(transaction, { kind: 'second-lost-soon', userId, facts, dueAt })
}

export async function cancelLost(origin: Origin, registry: Registry, user: users.User): Promise<boolean> {
  const canceled = { kind: 'second_lost_canceled', userId: user.id } as const
  const isDone = await withEvent(origin, registry, canceled, async (transaction) => {
    return (await clear(transaction, origin, registry, user)) || undefined
  })
  return isDone ?? false
}

async function clear(
  transaction: Db,
  origin: Origin,
  registry: Registry,
  { id: userId, email: to }: users.User,
): Promise<boolean> {
  const now = registry.now()
  const end = { lapsedAt: lapsedAt(registry), now }
  if (!(await users.clearSecondEnd(transaction, userId, end))) return false
  await endWith(transaction, 'second_lost_canceled', { userId, now })
  const facts = { to, ...circumstancesOf(origin, registry) }
  await registry.outbox.post(transaction, { kind: 'second-lost-canceled', userId, facts })
  return true
}

export interface Cancellation {
  /** In the transaction of a passed second step. */
  store(transaction: Db): Promise<void>
  report(): void
}

export function cancellation(origin: Origin, registry: Registry, user: users.User): Cancellation {
  const event = withEventId(eventOf(origin, registry, { kind: 'second_lost_canceled', userId: user.id }))
  let isCanceled = false
  return {
    async store(transaction) {
      isCanceled = await clear(transaction, origin, registry, user)
      if (isCanceled) await events.insert(transaction, event)
    },
    report() {
      if (!isCanceled) return
      registry.events.report([event])
      logSecurity(origin, registry, { event: event.kind, user: user.id })
    },
  }
}

/** Call it only after the right password. Returns the changed account, or undefined if it is too early. */
export async function finishLost(
  origin: Origin,
  registry: Registry,
  { user, deviceStamp }: users.Account,
): Promise<users.Account | undefined> {
  const { id: userId } = user
  const now = registry.now()
  return withEvent(origin, registry, { kind: 'second_lost_done', userId }, async (transaction) => {
    const account = await users.lockAccount(transaction, userId)
    if (account === undefined || account.deviceStamp !== deviceStamp || account.disabledAt !== null)
      return undefined
    if (lostOf(registry, account.user)?.state !== 'over') return undefined
    await endSecond(transaction, userId, now)
    const facts = { to: account.user.email, ...circumstancesOf(origin, registry) }
    await registry.outbox.post(transaction, { kind: 'second-lost-done', userId, facts })
    const { stamp } = await endWith(transaction, 'second_lost_done', { userId, now })
    // Not read again, because a later change must end the login that follows.
    const without = { ...account.user, secondStepAt: null, secondEndsAt: null }
    return { ...account, user: without, deviceStamp: stamp }
  })
}

export async function endSecond(transaction: Db, userId: string, now: number): Promise<boolean> {
  if (!(await users.endSecondStep(transaction, userId, now))) return false
  await apps.remove(transaction, userId)
  await recovery.remove(transaction, userId)
  return true
}
