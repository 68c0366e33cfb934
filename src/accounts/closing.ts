import * as events from '../tables/events.js'
import * as mails from '../tables/mails.js'
import type { Db } from '../tables/schema.js'
import * as tokens from '../tables/tokens.js'
import * as users from '../tables/users.js'
import { endWith } from './consequences.js'
import { eraseDenied } from './erasing.js'
import { withEventId } from './events.js'
import { eventOf, withEvent } from './history.js'
import { REOPEN_LIFE } from './mail-kinds.js'
import type { Origin } from './origin.js'
import { circumstancesOf } from './origin.js'
import type { Registry } from './registry.js'
import { keepAnAdmin } from './roles.js'
import { logSecurity } from './security-log.js'

export async function closeAccount(
  origin: Origin,
  registry: Registry,
  user: Pick<users.User, 'id' | 'email'>,
  { by }: { by?: tokens.Token } = {},
): Promise<string | undefined> {
  const now = registry.now()
  const facts = { to: user.email, ...circumstancesOf(origin, registry) }
  return withEvent(origin, registry, { kind: 'account_closed', userId: user.id }, async (transaction) => {
    await keepAnAdmin(transaction, user.id)
    if (by !== undefined && !(await tokens.use(transaction, { ...by, form: by.usedForm, now })))
      return undefined
    if (!(await users.close(transaction, user.id, { now, eraseAt: now + REOPEN_LIFE }))) return undefined
    const { stamp } = await endWith(transaction, 'account_closed', { userId: user.id, now, link: by?.hash })
    await registry.outbox.post(transaction, { kind: 'account-closed', userId: user.id, facts })
    return stamp
  })
}

export async function reopen(
  origin: Origin,
  registry: Registry,
  userId: string,
  { by }: { by: tokens.Token },
): Promise<boolean> {
  const now = registry.now()
  const isDone = await withEvent(
    origin,
    registry,
    { kind: 'account_reopened', userId },
    async (transaction) => {
      if (!(await tokens.use(transaction, { ...by, form: by.usedForm, now }))) return undefined
      return (await reopenIn(transaction, userId, now)) || undefined
    },
  )
  return isDone ?? false
}

export interface Reopening {
  /** In the login's transaction. Returns false if the account is open. */
  store(transaction: Db): Promise<boolean>
  report(): void
}

export function reopening(origin: Origin, registry: Registry, userId: string): Reopening {
  const event = withEventId(eventOf(origin, registry, { kind: 'account_reopened', userId }))
  return {
    async store(transaction) {
      if (!(await reopenIn(transaction, userId, registry.now()))) return false
      await events.insert(transaction, event)
      return true
    },
    report() {
      registry.events.report([event])
      logSecurity(origin, registry, { event: event.kind, user: userId })
    },
  }
}

async function reopenIn(transaction: Db, userId: string, now: number): Promise<boolean> {
  await tokens.useAll(transaction, userId, 'account-reopen', now)
  await mails.cancel(transaction, userId, ['account-closed'])
  return users.reopen(transaction, userId, now)
}

// An account in use is closed, not deleted: a slip or a mail scanner may have caused the denial.
export async function denyAccount(
  origin: Origin,
  registry: Registry,
  token: tokens.Token,
): Promise<'gone' | 'kept' | 'closed' | undefined> {
  const outcome = await eraseDenied(origin, registry, token)
  if (outcome !== 'unknown') return outcome === 'erased' ? 'gone' : 'kept'
  const { userId, email } = token
  const user = (await users.byId(registry.database.main, userId))?.user
  if (user?.email !== email || user.emailConfirmedAt !== null) return undefined
  const stamp = await closeAccount(origin, registry, user, { by: token })
  return stamp === undefined ? undefined : 'closed'
}
