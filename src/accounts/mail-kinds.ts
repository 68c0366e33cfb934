import { DAY, HOUR } from '../base/durations.js'
import type { OwnMailKind } from '../mail/outbox.js'
import type { Purpose } from '../tables/tokens.js'
import {
  type FindRecipient,
  invited,
  newAddress,
  notifiedAddress,
  owner,
  previousOwner,
  requester,
  unconfirmed,
  warned,
  withSecond,
} from './recipients.js'

export interface Kind {
  recipient: FindRecipient
  page: string
  token?: { purpose: Purpose; life: number; hasCode?: true }
  /** In the language of the request, because the reader asked for it. All others are in the owner's. */
  isAsked?: true
  toFormer?: true
  limit?: 'mailAccount' | 'mailFailures'
  pause?: 'mailPause'
}

export type MailKinds = Readonly<Record<string, Kind>>

export const CONFIRM_LIFE = DAY
export const RESET_LIFE = HOUR
export const CHANGE_LIFE = DAY
export const UNDO_LIFE = 7 * DAY
export const REOPEN_LIFE = 14 * DAY
export const LOST_LIFE = HOUR
export const INVITATION_LIFE = 7 * DAY

export const KINDS: Readonly<Record<OwnMailKind, Kind>> = {
  'email-confirm': {
    recipient: unconfirmed,
    page: 'email/confirm/link',
    isAsked: true,
    token: { purpose: 'email-confirm', life: CONFIRM_LIFE, hasCode: true },
  },
  'email-taken': { recipient: owner, page: 'login', limit: 'mailAccount', pause: 'mailPause' },
  'password-reset': {
    recipient: requester,
    page: 'password/reset/link',
    isAsked: true,
    token: { purpose: 'password-reset', life: RESET_LIFE, hasCode: true },
    limit: 'mailAccount',
    pause: 'mailPause',
  },
  'password-changed': { recipient: notifiedAddress, page: 'password/forgot' },
  'password-removed': { recipient: notifiedAddress, page: 'password/forgot' },
  'email-change': {
    recipient: newAddress,
    page: 'account/email/confirm/link',
    isAsked: true,
    token: { purpose: 'email-change', life: CHANGE_LIFE },
  },
  'email-changed': {
    recipient: notifiedAddress,
    page: 'account/email/undo',
    toFormer: true,
    token: { purpose: 'email-undo', life: UNDO_LIFE },
  },
  'email-corrected': { recipient: previousOwner, page: 'login', isAsked: true, limit: 'mailAccount' },
  'email-restored': { recipient: notifiedAddress, page: 'account/activity' },
  'email-undone': { recipient: notifiedAddress, page: 'login' },
  'name-changed': { recipient: notifiedAddress, page: 'password/forgot' },
  'login-new-device': { recipient: notifiedAddress, page: 'account/devices', limit: 'mailAccount' },
  'session-jumped': { recipient: notifiedAddress, page: 'account/devices', limit: 'mailAccount' },
  'login-failures': { recipient: notifiedAddress, page: 'account/activity', limit: 'mailFailures' },
  'account-closed': {
    recipient: notifiedAddress,
    page: 'account/close/undo',
    token: { purpose: 'account-reopen', life: REOPEN_LIFE },
    // Counted when sent: closing must not report a limit.
    limit: 'mailAccount',
  },
  'second-on': { recipient: notifiedAddress, page: 'password/forgot' },
  'second-off': { recipient: notifiedAddress, page: 'password/forgot' },
  'app-added': { recipient: notifiedAddress, page: 'password/forgot' },
  'app-replaced': { recipient: notifiedAddress, page: 'password/forgot' },
  'recovery-made': { recipient: notifiedAddress, page: 'password/forgot' },
  'recovery-used': { recipient: notifiedAddress, page: 'password/forgot' },
  'second-failed': { recipient: notifiedAddress, page: 'password/forgot' },
  'second-lost': {
    recipient: withSecond,
    page: 'login/two-step/lost/link',
    isAsked: true,
    token: { purpose: 'second-lost', life: LOST_LIFE },
  },
  'second-lost-asked': { recipient: notifiedAddress, page: 'password/forgot' },
  'second-lost-soon': { recipient: warned, page: 'password/forgot' },
  'second-lost-canceled': { recipient: notifiedAddress, page: 'password/forgot' },
  'second-lost-done': { recipient: notifiedAddress, page: 'password/forgot' },
  'passkey-added': { recipient: notifiedAddress, page: 'account/passkeys' },
  'passkey-removed': { recipient: notifiedAddress, page: 'account/passkeys' },
  'passkey-copied': { recipient: notifiedAddress, page: 'account/passkeys', limit: 'mailAccount' },
  invitation: { recipient: invited, page: 'signup/invitation', isAsked: true },
}
