import type { OwnMailKind } from '../mail/outbox.js'
import { newDeviceStamp } from '../secrets/token.js'
import type { EventKind } from '../tables/events.js'
import * as mails from '../tables/mails.js'
import * as passkeys from '../tables/passkeys.js'
import type { Db } from '../tables/schema.js'
import * as sessions from '../tables/sessions.js'
import * as tokens from '../tables/tokens.js'
import * as users from '../tables/users.js'

// Owners must always be able to undo a change.
type Link = Exclude<tokens.Purpose, 'email-undo'>

interface Ended {
  sessions?: true
  devices?: true
  nextEmail?: true
  passkeys?: true
  lost?: true
  links?: readonly Link[]
  mails?: readonly OwnMailKind[]
}

const WAYS_IN = ['password-reset', 'email-change', 'email-confirm'] as const

const ADDRESS_LINKS = ['email-confirm', 'password-reset'] as const

const CONSEQUENCES = {
  password_changed: {
    sessions: true,
    devices: true,
    nextEmail: true,
    lost: true,
    links: ['password-reset', 'email-change'],
  },
  password_removed: {
    sessions: true,
    devices: true,
    nextEmail: true,
    lost: true,
    links: ['password-reset', 'email-change'],
  },
  password_reset: { sessions: true, devices: true, nextEmail: true, lost: true, links: WAYS_IN },
  email_asked: { links: ['email-change'] },
  email_canceled: { nextEmail: true, links: ['email-change'] },
  email_corrected: { links: ADDRESS_LINKS },
  email_changed: { nextEmail: true, lost: true, links: ADDRESS_LINKS },
  email_set: { nextEmail: true, lost: true, links: WAYS_IN },
  // A thief who changed the address may also have created a passkey.
  email_restored: {
    sessions: true,
    devices: true,
    passkeys: true,
    nextEmail: true,
    lost: true,
    links: [...WAYS_IN, 'account-reopen'],
  },
  devices_revoked: { sessions: true, devices: true },
  sessions_ended: { sessions: true, devices: true },
  account_closed: { sessions: true, devices: true, nextEmail: true, lost: true, links: WAYS_IN },
  // Prepared emails are sent without checking again that the account is enabled.
  account_disabled: { sessions: true, devices: true, lost: true, mails: WAYS_IN },
  // A login may have opened a session while the account was being disabled.
  account_enabled: { sessions: true },
  second_on: { sessions: true, devices: true },
  second_off: { sessions: true, devices: true, lost: true },
  app_added: { sessions: true, devices: true, lost: true },
  app_replaced: { sessions: true, devices: true, lost: true },
  recovery_made: { devices: true, lost: true },
  second_lost_asked: { links: ['second-lost'] },
  second_lost_canceled: { lost: true },
  second_lost_done: { sessions: true, devices: true, lost: true },
  passkey_removed: { sessions: true, devices: true },
} as const satisfies Partial<Record<EventKind | 'email_corrected' | 'email_set', Ended>>

const REMINDERS: readonly OwnMailKind[] = ['second-lost-soon']

export type Change = keyof typeof CONSEQUENCES

export interface Outcome {
  sessions: number
  stamp: string
}

export async function endWith(
  transaction: Db,
  change: Change,
  {
    userId,
    now,
    session,
    link,
  }: { userId: string; now: number; session?: string; link?: string | undefined },
): Promise<Outcome> {
  const ended: Ended = CONSEQUENCES[change]
  const links = [...(ended.links ?? []), ...(ended.lost ? (['second-lost'] as const) : [])]
  const outdated = [...links.map(mailOf), ...(ended.mails ?? []), ...(ended.lost ? REMINDERS : [])]
  const stamp = ended.devices ? newDeviceStamp() : ''
  if (ended.nextEmail) await users.setNextEmail(transaction, userId, { nextEmail: null, now })
  if (ended.passkeys) await passkeys.removeAll(transaction, userId)
  if (ended.lost) await users.clearSecondEnd(transaction, userId, { now })
  if (ended.devices) await users.setDeviceStamp(transaction, userId, stamp)
  if (links.length > 0) await tokens.revoke(transaction, userId, links, { except: link ?? '' })
  if (outdated.length > 0) await mails.cancel(transaction, userId, outdated)
  const closed = ended.sessions
    ? await sessions.closeAll(transaction, userId, { now, ...(session !== undefined && { except: session }) })
    : 0
  return { sessions: closed, stamp }
}

function mailOf(link: Link): OwnMailKind {
  return link === 'account-reopen' ? 'account-closed' : link
}
