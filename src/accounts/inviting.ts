import { hashOf, newToken } from '../secrets/token.js'
import * as invitations from '../tables/invitations.js'
import * as users from '../tables/users.js'
import type { FieldError } from '../web/form.js'
import * as fields from './fields.js'
import { eventOf } from './history.js'
import { INVITATION_LIFE } from './mail-kinds.js'
import type { Origin } from './origin.js'
import { hookErrors } from './registration.js'
import type { Registry } from './registry.js'
import { logSecurity } from './security-log.js'

/** Emails a link to sign up. For operators and the app, who may learn which addresses are in use. */
export async function invite(
  origin: Origin,
  registry: Registry,
  typed: string,
): Promise<readonly FieldError[]> {
  refuseUnlessInvited(registry)
  const email = fields.normalizeEmail(typed)
  const emailKey = fields.emailKeyOf(email)
  const errors = await errorsOf(registry, email, emailKey)
  if (errors.length > 0) return errors
  const token = newToken()
  const invitation = { hash: hashOf(token), email, emailKey, invitedBy: origin.by }
  const now = registry.now()
  await registry.database.write(async (transaction) => {
    await invitations.insert(transaction, invitation, { now, expiresAt: now + INVITATION_LIFE })
    const { language } = origin
    const facts = { email, token, lasts: INVITATION_LIFE, ...(language !== undefined && { language }) }
    await registry.outbox.post(transaction, { kind: 'invitation', facts })
  })
  registry.events.report([eventOf(origin, registry, { kind: 'user_invited', userId: '', about: email })])
  logSecurity(origin, registry, { event: 'user_invited' })
  return []
}

function refuseUnlessInvited({ rules, outbox }: Registry): void {
  if (rules.signup !== 'invited') throw new Error("Invitations need signup: 'invited' (SIGNUP=invited).")
  if (!outbox.isOn) throw new Error('Emails are off, so no invitation can be sent.')
}

async function errorsOf(registry: Registry, email: string, emailKey: string): Promise<readonly FieldError[]> {
  const errors = fields.check(fields.email, email)
  if (errors.length > 0) return errors
  if ((await users.byEmailKey(registry.database.main, emailKey)) !== undefined) return [fields.EMAIL_TAKEN]
  return await hookErrors(registry, { email })
}
