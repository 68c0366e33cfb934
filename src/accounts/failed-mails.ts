import * as mails from '../tables/mails.js'
import { orRollBack, unlessRolledBack } from './history.js'
import { recordOtherAction } from './operator-log.js'
import type { Origin } from './origin.js'
import type { Registry } from './registry.js'

/** Returns false if the email has not failed, is gone, or the form was recorded before. */
export async function resendMail(
  origin: Origin,
  registry: Pick<Registry, 'database' | 'now'>,
  id: string,
): Promise<boolean> {
  const { database, now } = registry
  const mail = await mails.byId(database.main, id)
  if (mail === undefined) return false
  const doing = { kind: 'mail_resent', userId: mail.userId ?? '', about: mail.kind } as const
  const isResent = await unlessRolledBack(
    database.write(async (transaction) => {
      orRollBack(await mails.requeue(transaction, id, now()))
      orRollBack(await recordOtherAction(transaction, origin, registry, doing))
      return true
    }),
  )
  return isResent ?? false
}
