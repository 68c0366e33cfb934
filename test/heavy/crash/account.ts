/*
 * The state of an account that the database must have, as far as its owner got responses. Each change returns a new value,
 * so that the states before and after exist side by side while it is unknown which one was stored.
 */
import type { MailKind } from '../../../src/mail/outbox.js'
import type { EventKind } from '../../../src/tables/events.js'

/** A browser, only to compare its identity. */
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
  /** Browsers in which its owner is logged in. */
  readonly inside: readonly Device[]
  /** Browsers whose logins send no email. */
  readonly known: readonly Device[]
  /** Events that are stored with their change, in this order. */
  readonly events: readonly EventKind[]
  readonly mails: readonly Promised[]
}

/** An email that was posted. A later change may cancel it, unless it was sent before. */
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

/** A closed account is reopened first, in its own step. */
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
  // Waiting emails to the previously requested address are canceled.
  const asked = revoked({ ...account, nextEmail }, ['email-change'])
  return posted(happened(asked, 'email_asked'), 'email-change')
}

export function withNextEmail(account: Account): Account {
  const email = account.nextEmail ?? account.email
  const changed = revoked({ ...account, email, isConfirmed: true, nextEmail: null }, ['email-confirm'])
  return posted(happened(changed, 'email_changed'), account.isConfirmed ? 'email-changed' : 'email-corrected')
}

export function closed(account: Account, device: Device): Account {
  const nobody = { ...account, isClosed: true, nextEmail: null, inside: [], known: [device] }
  const ended = revoked(nobody, ['email-confirm', 'email-change'])
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
