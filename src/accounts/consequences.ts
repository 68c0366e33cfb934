import type { OwnMailKind } from '../mail/outbox.js'
import { newDeviceStamp } from '../secrets/token.js'
import type { EventKind } from '../tables/events.js'
import * as mails from '../tables/mails.js'
import type { Db } from '../tables/schema.js'
import * as sessions from '../tables/sessions.js'
import * as tokens from '../tables/tokens.js'
import * as users from '../tables/users.js'

/** A mailed link that may end before its time: not one by which owners undo what somebody else did. */
type Link = Exclude<tokens.Purpose, 'email-undo'>

/** What ends with a change of an account. */
interface Ended {
  /** All sessions, but the one in which it was done. */
  sessions?: true
  /** What browsers carry to be known to the account. */
  devices?: true
  /** An address that is wanted, and not confirmed yet. */
  nextEmail?: true
  /** Mailed links and codes, and the mails that wait with one. */
  links?: readonly Link[]
  /** Mails that wait, while links that were sent are good again later. */
  mails?: readonly OwnMailKind[]
}

/** Whoever has one of these can come to have the account. */
const WAYS_IN = ['password-reset', 'email-change', 'email-confirm'] as const

/** What was sent to an address says nothing of the next one. */
const OF_ADDRESS = ['email-confirm', 'password-reset'] as const

/** What ends when. An account that is erased takes all with it. */
const CONSEQUENCES = {
  password_changed: {
    sessions: true,
    devices: true,
    nextEmail: true,
    links: ['password-reset', 'email-change'],
  },
  password_reset: { sessions: true, devices: true, nextEmail: true, links: WAYS_IN },
  email_asked: { links: ['email-change'] },
  email_canceled: { nextEmail: true, links: ['email-change'] },
  email_corrected: { links: OF_ADDRESS },
  email_changed: { nextEmail: true, links: OF_ADDRESS },
  // Somebody else had the account. That it was closed meanwhile is undone, too.
  email_restored: {
    sessions: true,
    devices: true,
    nextEmail: true,
    links: [...WAYS_IN, 'account-reopen'],
  },
  devices_revoked: { sessions: true, devices: true },
  sessions_ended: { sessions: true, devices: true },
  account_closed: { sessions: true, devices: true, nextEmail: true, links: WAYS_IN },
  // Its links open nothing meanwhile. A mail that has found its reader would be tried again, whoever that is.
  account_disabled: { sessions: true, devices: true, mails: WAYS_IN },
  // A session that was opened while the account was being disabled was refused, and must not come to life now.
  account_enabled: { sessions: true },
} as const satisfies Partial<Record<EventKind | 'email_corrected', Ended>>

export type Change = keyof typeof CONSEQUENCES

export interface Outcome {
  /** How many sessions were ended that were alive. */
  sessions: number
  /** The account's new device stamp; '' if it has the former one. */
  stamp: string
}

/** Ends what the change ends, in the transaction that makes it; but not the session and the link by which it is made. */
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
  const { links = [] } = ended
  const outdated = [...links.map(mailOf), ...(ended.mails ?? [])]
  const stamp = ended.devices ? newDeviceStamp() : ''
  if (ended.nextEmail) await users.setNextEmail(transaction, userId, { nextEmail: null, now })
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
