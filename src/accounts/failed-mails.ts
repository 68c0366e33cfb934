import * as mails from '../tables/mails.js'
import { orUndo, unlessUndone } from './history.js'
import { recordDoing } from './operator-log.js'
import type { Origin } from './origin.js'
import type { Registry } from './registry.js'

/** Returns false if the email has not failed, is gone, or was sent again by the same form. */
export async function sendAgain(
  origin: Origin,
  registry: Pick<Registry, 'database' | 'now'>,
  id: string,
): Promise<boolean> {
  const { database, now } = registry
  const mail = await mails.byId(database.main, id)
  if (mail === undefined) return false
  const doing = { kind: 'mail_resent', userId: mail.userId ?? '', about: mail.kind } as const
  const isAgain = await unlessUndone(
    database.write(async (transaction) => {
      orUndo(await mails.requeue(transaction, id, now()))
      orUndo(await recordDoing(transaction, origin, registry, doing))
      return true
    }),
  )
  return isAgain ?? false
}
