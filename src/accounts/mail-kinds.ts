import { DAY, HOUR } from '../base/durations.js'
import type { OwnMailKind } from '../mail/outbox.js'
import type { Purpose } from '../tables/tokens.js'
import { asked, type FindRecipient, formerly, newAddress, owner, told, unconfirmed } from './recipients.js'

/** What is to be known of a kind of mail before one of it can be sent. */
export interface Kind {
  recipient: FindRecipient
  /** The page that its link opens, by name; with a token in its path if the mail has one. */
  page: string
  /** The token in its link, of the same name as the mail or this one; with a code to be typed if a browser has asked for it. */
  token?: { purpose: Purpose; life: number; hasCode?: true }
  /** Who asks for it reads it, too: it is written in the language in which they asked. All others are in the owner's. */
  isAsked?: true
  /** It goes to an address that was confirmed and is no longer the account's. */
  toFormer?: true
  /** The limit that counts it for the account when it is sent: strangers may cause it, by a name or a login. */
  limit?: 'mailAccount' | 'mailFailures'
  /** Not again within the pause, by whatever name it was asked for. */
  pause?: 'mailPause'
}

/** All kinds of mails, those that features add with ours. */
export type MailKinds = Readonly<Record<string, Kind>>

export const CONFIRM_LIFE = DAY
export const RESET_LIFE = HOUR
export const CHANGE_LIFE = DAY
export const UNDO_LIFE = 7 * DAY
export const REOPEN_LIFE = 14 * DAY

export const KINDS: Readonly<Record<OwnMailKind, Kind>> = {
  'email-confirm': {
    recipient: unconfirmed,
    page: 'email/confirm/link',
    isAsked: true,
    token: { purpose: 'email-confirm', life: CONFIRM_LIFE, hasCode: true },
  },
  'email-taken': { recipient: owner, page: 'login', limit: 'mailAccount', pause: 'mailPause' },
  'password-reset': {
    recipient: asked,
    page: 'password/reset/link',
    isAsked: true,
    token: { purpose: 'password-reset', life: RESET_LIFE, hasCode: true },
    limit: 'mailAccount',
    pause: 'mailPause',
  },
  'password-changed': { recipient: told, page: 'password/forgot' },
  'email-change': {
    recipient: newAddress,
    page: 'account/email/confirm/link',
    isAsked: true,
    token: { purpose: 'email-change', life: CHANGE_LIFE },
  },
  'email-changed': {
    recipient: told,
    page: 'account/email/undo',
    toFormer: true,
    token: { purpose: 'email-undo', life: UNDO_LIFE },
  },
  'email-corrected': { recipient: formerly, page: 'login', isAsked: true, limit: 'mailAccount' },
  'email-restored': { recipient: told, page: 'account/activity' },
  'email-undone': { recipient: told, page: 'login' },
  'name-changed': { recipient: told, page: 'password/forgot' },
  'login-new-device': { recipient: told, page: 'account/devices', limit: 'mailAccount' },
  'session-jumped': { recipient: told, page: 'account/devices', limit: 'mailAccount' },
  'login-failures': { recipient: told, page: 'account/activity', limit: 'mailFailures' },
  'account-closed': {
    recipient: told,
    page: 'account/close/undo',
    token: { purpose: 'account-reopen', life: REOPEN_LIFE },
    // Not where it is closed: of a button pressed twenty times at once nobody should be told that it is too often.
    limit: 'mailAccount',
  },
}
