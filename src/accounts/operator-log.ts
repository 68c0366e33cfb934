import * as actions from '../tables/operator-actions.js'
import type { Db } from '../tables/schema.js'
import { numbered } from './events.js'
import type { Origin } from './origin.js'
import type { Registry } from './registry.js'

type Action = Omit<actions.OperatorAction, 'reason' | 'form' | 'byName' | 'userName'>

/** Keeps what an admin or a command does, in the transaction of it. Returns false if the same form did it before. */
export async function recordAction(
  transaction: Db,
  { by, reason = '', form }: Origin,
  action: Action,
): Promise<boolean> {
  if (!by.startsWith('admin:') && !by.startsWith('cli:')) return true
  return actions.insert(transaction, { ...action, reason, form: form ?? null })
}

/** The same for emails, which are no event of an account. */
export function recordResent(
  origin: Origin,
  { database, now }: Pick<Registry, 'database' | 'now'>,
  { userId, about }: { userId: string; about: string },
): Promise<boolean> {
  const { by, address, userAgent } = origin
  const action = numbered({ kind: 'mail_resent' as const, userId, about, by, at: now(), address, userAgent })
  return database.write((transaction) => recordAction(transaction, origin, action))
}
