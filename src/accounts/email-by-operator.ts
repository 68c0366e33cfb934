import { isTaken } from '../database/constraints.js'
import * as users from '../tables/users.js'
import type { FieldError } from '../web/form.js'
import { endWith } from './consequences.js'
import { changeErrors, changeOf, notifyPrevious, sendChangeAgain } from './email-address.js'
import { sendConfirmAgain } from './email-confirmation.js'
import * as fields from './fields.js'
import { withEvent } from './history.js'
import { recordOtherAction } from './operator-log.js'
import type { Origin } from './origin.js'
import type { Registry } from './registry.js'

/** The new address is confirmed at once. A confirmed previous one gets a link to undo that. */
export async function setAddress(
  origin: Origin,
  registry: Registry,
  user: users.User,
  email: string,
): Promise<FieldError[]> {
  const errors = await changeErrors(origin, registry, user, email)
  if (errors.length > 0) return errors
  const change = { email, emailKey: fields.emailKeyOf(email), now: registry.now() }
  try {
    const about = changeOf(user, email)
    await withEvent(
      origin,
      registry,
      { kind: 'email_changed', userId: user.id, about },
      async (transaction) => {
        const former = (await users.lockAccount(transaction, user.id))?.user
        if (former === undefined || !(await users.setEmail(transaction, user.id, change))) return undefined
        await endWith(transaction, 'email_set', { userId: user.id, now: change.now })
        await notifyPrevious(origin, registry, transaction, { former, email })
        return true
      },
    )
    return []
  } catch (error) {
    if (isTaken(error)) return [fields.EMAIL_TAKEN]
    throw error
  }
}

/** Returns the address; undefined if there is nothing to confirm, or the form was recorded before. */
export async function sendConfirmation(
  origin: Origin,
  registry: Registry,
  user: users.User,
): Promise<string | undefined> {
  const { id: userId, email, nextEmail, emailConfirmedAt } = user
  const to = nextEmail ?? (emailConfirmedAt === null ? email : null)
  if (to === null) return undefined
  const doing = { kind: 'mail_resent', userId, about: 'email-confirm' } as const
  const isNew = await registry.database.write((transaction) =>
    recordOtherAction(transaction, origin, registry, doing),
  )
  if (!isNew) return undefined
  if (nextEmail === null) await sendConfirmAgain(origin, registry, user)
  else await sendChangeAgain(origin, registry, user, nextEmail)
  return to
}
