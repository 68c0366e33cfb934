import type { Migration } from 'kysely'
import * as users from './0001-users.js'
import * as slugs from './0002-slugs.js'
import * as sessions from './0003-sessions.js'
import * as devices from './0004-devices.js'
import * as limits from './0005-limits.js'
import * as events from './0006-events.js'
import * as loginForms from './0007-login-forms.js'
import * as mails from './0008-mails.js'
import * as tokens from './0009-tokens.js'
import * as accountLife from './0010-account-life.js'
import * as disabled from './0011-disabled.js'
import * as languages from './0012-languages.js'
import * as keys from './0013-keys.js'
import * as emailKeys from './0014-email-keys.js'
import * as erasures from './0015-erasures.js'
import * as endedDevices from './0016-ended-devices.js'
import * as usedForms from './0017-used-forms.js'
import * as sessionPlaces from './0018-session-places.js'
import * as eventActors from './0019-event-actors.js'
import * as twoStep from './0020-two-step.js'
import * as secondLost from './0021-second-lost.js'
import * as passkeys from './0022-passkeys.js'
import * as roles from './0023-roles.js'
import * as admin from './0024-admin.js'
import * as imports from './0025-imports.js'
import * as invitations from './0027-invitations.js'
import * as days from './0028-days.js'
import * as unconfirmed from './0029-unconfirmed.js'
import * as failedMails from './0030-failed-mails.js'

/** In order. A released migration never changes. */
export const migrations: Record<string, Migration> = {
  '0001-users': users,
  '0002-slugs': slugs,
  '0003-sessions': sessions,
  '0004-devices': devices,
  '0005-limits': limits,
  '0006-events': events,
  '0007-login-forms': loginForms,
  '0008-mails': mails,
  '0009-tokens': tokens,
  '0010-account-life': accountLife,
  '0011-disabled': disabled,
  '0012-languages': languages,
  '0013-keys': keys,
  '0014-email-keys': emailKeys,
  '0015-erasures': erasures,
  '0016-ended-devices': endedDevices,
  '0017-used-forms': usedForms,
  '0018-session-places': sessionPlaces,
  '0019-event-actors': eventActors,
  '0020-two-step': twoStep,
  '0021-second-lost': secondLost,
  '0022-passkeys': passkeys,
  '0023-roles': roles,
  '0024-admin': admin,
  '0025-imports': imports,
  '0027-invitations': invitations,
  '0028-days': days,
  '0029-unconfirmed': unconfirmed,
  '0030-failed-mails': failedMails,
}

/** Each table with its key. A table comes after those that it refers to. */
export const KEYS = {
  users: 'id',
  slugs: 'slug',
  sessions: 'token_hash',
  events: 'id',
  limits: 'key',
  mails: 'id',
  tokens: 'hash',
  keys: 'id',
  erasures: 'id',
  authenticator_apps: 'user_id',
  recovery_sets: 'user_id',
  recovery_codes: 'tag',
  passkeys: 'id',
  spent_challenges: 'hash',
  operator_actions: 'id',
  imports: 'id',
  invitations: 'hash',
  days: 'id',
} as const

export type TableName = keyof typeof KEYS
