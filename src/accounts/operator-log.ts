import * as actions from '../tables/operator-actions.js'
import type { Db } from '../tables/schema.js'
import { withEventId } from './events.js'
import type { Origin } from './origin.js'
import type { Registry } from './registry.js'

type Action = Omit<actions.OperatorAction, 'reason' | 'form' | 'byName' | 'userName'>

/** Records what an admin or a command does, in the same transaction. Returns false if the form was recorded before. */
export async function recordAction(
  transaction: Db,
  { by, reason = '', form }: Origin,
  action: Action,
): Promise<boolean> {
  if (!by.startsWith('admin:') && !by.startsWith('cli:')) return true
  return actions.insert(transaction, { ...action, reason, form: form ?? null })
}

interface OtherAction {
  kind: actions.OperatorActionsTable['kind']
  userId?: string
  about?: string
}

export function recordOtherAction(
  transaction: Db,
  origin: Origin,
  { now }: Pick<Registry, 'now'>,
  { kind, userId = '', about }: OtherAction,
): Promise<boolean> {
  const { by, address, userAgent } = origin
  const action = withEventId({ kind, userId, about: about ?? null, by, at: now(), address, userAgent })
  return recordAction(transaction, origin, action)
}
