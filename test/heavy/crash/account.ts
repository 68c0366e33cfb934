/*
 * What the database has to say of an account, as far as its owner was answered. Each change makes another value of it, so
 * that the state before and the state after stand side by side while nobody knows which of them it has become.
 */
import type { MailKind } from '../../../src/mail/outbox.js'
import type { EventKind } from '../../../src/tables/events.js'

/** A browser, as long as it is only asked whether it is the same. */
export interface Device {
  readonly number: number
}

export interface Account {
  readonly name: string
  readonly email: string
  readonly isConfirmed: boolean
  readonly nextEmail: string | null
  readonly password: string
  readonly isClosed: boolean
  /** Where its owner is logged in. */
  readonly inside: readonly Device[]
  /** From where a login is no news to its owner. */
  readonly known: readonly Device[]
  /** Those that are written with what they tell of, in this order. */
  readonly events: readonly EventKind[]
  readonly mails: readonly Promised[]
}

/** A mail that was posted. What happens later may make it wrong: then it may be gone, unless it was sent before. */
export interface Promised {
  readonly kind: MailKind
  readonly isRevoked: boolean
}

export function signedUp(device: Device, made: Pick<Account, 'name' | 'email' | 'password'>): Account {
  const account: Account = {
    ...made,
    isConfirmed: false,
    nextEmail: null,
    isClosed: false,
    inside: [],
    known: [device],
    events: ['signed_up'],
    mails: [],
  }
  return posted(account, 'email-confirm')
}

/** A closed account is opened first, in a step of its own. */
export function loggedIn(account: Account, device: Device): Account[] {
  const open = account.isClosed ? reopened(account) : account
  const isNews = !open.known.includes(device)
  const inside = happened(
    { ...open, inside: [...open.inside, device], known: [...open.known, device] },
    'logged_in',
  )
  const after = isNews ? posted(inside, 'login-new-device') : inside
  return account.isClosed ? [open, after] : [after]
}

function reopened(account: Account): Account {
  return revoked(happened({ ...account, isClosed: false }, 'account_reopened'), ['account-closed'])
}

export function loggedOut(account: Account, device: Device): Account {
  return happened({ ...account, inside: account.inside.filter((one) => one !== device) }, 'logged_out')
}

export function withPassword(account: Account, device: Device, password: string): Account {
  const changed = { ...account, password, nextEmail: null, inside: [device], known: [device] }
  return posted(happened(revoked(changed, ['email-change']), 'password_changed'), 'password-changed')
}

export function withName(account: Account, name: string): Account {
  return posted(happened({ ...account, name }, 'name_changed'), 'name-changed')
}

export function askedForEmail(account: Account, nextEmail: string): Account {
  // What waits for the address that was asked for before is not sent any more.
  const asked = revoked({ ...account, nextEmail }, ['email-change'])
  return posted(happened(asked, 'email_asked'), 'email-change')
}

export function withNextEmail(account: Account): Account {
  const email = account.nextEmail ?? account.email
  const changed = revoked({ ...account, email, isConfirmed: true, nextEmail: null }, ['email-confirm'])
  return posted(happened(changed, 'email_changed'), account.isConfirmed ? 'email-changed' : 'email-corrected')
}

export function closed(account: Account): Account {
  const ended = revoked({ ...account, isClosed: true, nextEmail: null, inside: [] }, [
    'email-confirm',
    'email-change',
  ])
  return posted(happened(ended, 'account_closed'), 'account-closed')
}

function happened(account: Account, kind: EventKind): Account {
  return { ...account, events: [...account.events, kind] }
}

function posted(account: Account, kind: MailKind): Account {
  return { ...account, mails: [...account.mails, { kind, isRevoked: false }] }
}

function revoked(account: Account, kinds: readonly MailKind[]): Account {
  const mails = account.mails.map((mail) => (kinds.includes(mail.kind) ? { ...mail, isRevoked: true } : mail))
  return { ...account, mails }
}
