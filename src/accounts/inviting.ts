import { hashOf, newToken } from '../secrets/token.js'
import type { StoredEvent } from '../tables/events.js'
import * as invitations from '../tables/invitations.js'
import * as users from '../tables/users.js'
import type { FieldError } from '../web/form.js'
import { withEventId } from './events.js'
import * as fields from './fields.js'
import { eventOf, orRollBack, unlessRolledBack } from './history.js'
import { INVITATION_LIFE } from './mail-kinds.js'
import { recordAction } from './operator-log.js'
import type { Origin } from './origin.js'
import { hookErrors } from './registration.js'
import type { Registry } from './registry.js'
import { logSecurity } from './security-log.js'

/** For operators and the app, who may learn which email addresses are in use. */
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
  const event = withEventId(eventOf(origin, registry, { kind: 'user_invited', userId: '', about: email }))
  const isNew = await registry.database.write(async (transaction) => {
    if (!(await recordAction(transaction, origin, event))) return false
    await invitations.insert(transaction, invitation, { now, expiresAt: now + INVITATION_LIFE })
    const { language } = origin
    const facts = { email, token, lasts: INVITATION_LIFE, ...(language !== undefined && { language }) }
    await registry.outbox.post(transaction, { kind: 'invitation', facts })
    return true
  })
  if (isNew) report(origin, registry, event)
  return []
}

export async function withdrawInvitation(
  origin: Origin,
  registry: Registry,
  typed: string,
): Promise<boolean> {
  const email = fields.normalizeEmail(typed)
  const newEvent = { kind: 'invitation_withdrawn', userId: '', about: email } as const
  const event = withEventId(eventOf(origin, registry, newEvent))
  const work = registry.database.write(async (transaction) => {
    orRollBack(await invitations.withdraw(transaction, fields.emailKeyOf(email)))
    orRollBack(await recordAction(transaction, origin, event))
    return true
  })
  if (!(await unlessRolledBack(work))) return false
  report(origin, registry, event)
  return true
}

function report(origin: Origin, registry: Registry, event: StoredEvent): void {
  registry.events.report([event])
  logSecurity(origin, registry, { event: event.kind })
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
