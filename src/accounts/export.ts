import * as apps from '../tables/authenticator-apps.js'
import type * as events from '../tables/events.js'
import * as imports from '../tables/imports.js'
import * as mails from '../tables/mails.js'
import * as actions from '../tables/operator-actions.js'
import * as passkeys from '../tables/passkeys.js'
import * as recovery from '../tables/recovery-codes.js'
import * as sessions from '../tables/sessions.js'
import * as slugs from '../tables/slugs.js'
import * as tokens from '../tables/tokens.js'
import * as users from '../tables/users.js'
import { authenticatorOf } from './authenticators.js'
import type { Registry } from './registry.js'

export type Records = Awaited<ReturnType<typeof recordsOf>>

export async function recordsOf(
  { database: { main }, now, rules }: Pick<Registry, 'database' | 'now' | 'rules'>,
  userId: string,
) {
  // With private emails, an email change would reveal whether the address has an account.
  const isExported = (what: string) => !rules.privateEmails || what !== 'email-change'
  const sent = (await tokens.ofUser(main, userId)).filter(({ purpose }) => isExported(purpose))
  const written = (await mails.ofUser(main, userId)).filter(({ kind }) => isExported(kind))
  return {
    account: await users.stored(main, userId),
    slugs: await slugs.ofUser(main, userId),
    sessions: await sessions.ofUser(main, userId, now()),
    tokens: sent.map(exportedToken),
    mails: written.map(exportedMail),
    authenticator_apps: (await apps.allOf(main, userId)).map(exportedApp),
    recovery_sets: await recovery.setsOf(main, userId),
    recovery_codes: await recovery.usesOf(main, userId),
    operator_actions: (await actions.ofUser(main, userId)).map(exportedAction),
    passkeys: (await passkeys.ofUser(main, userId)).map(exportedPasskey),
    imports: await imports.ofUser(main, userId),
  }
}

// Columns are listed, so that secrets added later stay out.
function exportedToken({ purpose, email, createdAt, expiresAt, usedAt }: tokens.Token) {
  return { purpose, email, createdAt, expiresAt, usedAt }
}

function exportedMail({ kind, state, createdAt, dueAt, tries }: mails.StoredMail) {
  return { kind, state, createdAt, dueAt, tries }
}

function exportedApp({ createdAt, usedAt }: apps.AuthenticatorApp) {
  return { createdAt, usedAt }
}

function exportedPasskey({ name, aaguid, rpId, isBackedUp, createdAt, usedAt }: passkeys.Passkey) {
  return { name, authenticator: authenticatorOf(aaguid) ?? null, rpId, isBackedUp, createdAt, usedAt }
}

// Without the operator and their IP address.
function exportedAction({ kind, about, reason, at }: actions.OperatorAction) {
  return { kind, about, reason, at }
}

export function exportedEvent({ kind, about, at, by, userAgent, address }: events.StoredEvent) {
  return { kind, about, at, by, userAgent, address }
}

const TIME = /^(?:at|until|confirmBy)$|At$/

export function withDates(key: string, value: unknown): unknown {
  return TIME.test(key) && typeof value === 'number' ? new Date(value).toISOString() : value
}
