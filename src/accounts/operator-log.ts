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

interface Doing {
  kind: actions.OperatorActionsTable['kind']
  userId?: string
  about?: string
}

/** The same for what is no event of one account. */
export function recordDoing(
  transaction: Db,
  origin: Origin,
  { now }: Pick<Registry, 'now'>,
  { kind, userId = '', about }: Doing,
): Promise<boolean> {
  const { by, address, userAgent } = origin
  const action = numbered({ kind, userId, about: about ?? null, by, at: now(), address, userAgent })
  return recordAction(transaction, origin, action)
}
