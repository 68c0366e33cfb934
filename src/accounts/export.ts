import type * as events from '../tables/events.js'
import * as mails from '../tables/mails.js'
import * as sessions from '../tables/sessions.js'
import * as slugs from '../tables/slugs.js'
import * as tokens from '../tables/tokens.js'
import * as users from '../tables/users.js'
import type { Registry } from './registry.js'

/** What is stored of a user; nothing secret, so that user and maintainer may read it. */
export type Records = Awaited<ReturnType<typeof recordsOf>>

/** Everything that is stored of a user but the history; each section but the first is called like its table. */
export async function recordsOf(
  { database: { main }, now, rules }: Pick<Registry, 'database' | 'now' | 'rules'>,
  userId: string,
) {
  // Where addresses are private: what came of a change to an address would tell whether that is somebody else's. Which one
  // is to follow stands with the account.
  const isTold = (what: string) => !rules.privateEmails || what !== 'email-change'
  const sent = (await tokens.ofUser(main, userId)).filter(({ purpose }) => isTold(purpose))
  const written = (await mails.ofUser(main, userId)).filter(({ kind }) => isTold(kind))
  return {
    account: await users.stored(main, userId),
    slugs: await slugs.ofUser(main, userId),
    sessions: await sessions.ofUser(main, userId, now()),
    tokens: sent.map(openToken),
    mails: written.map(openMail),
  }
}

// What is said is named, here and below: a secret that a table comes to hold stays out by itself.
function openToken({ purpose, email, createdAt, expiresAt, usedAt }: tokens.Token) {
  return { purpose, email, createdAt, expiresAt, usedAt }
}

function openMail({ kind, state, createdAt, dueAt, tries }: mails.StoredMail) {
  return { kind, state, createdAt, dueAt, tries }
}

/** An event of the history, as it is told. */
export function openEvent({ kind, about, at, by, userAgent, address }: events.StoredEvent) {
  return { kind, about, at, by, userAgent, address }
}

const TIME = /^(?:at|until|confirmBy)$|At$/

/** For `JSON.stringify`: writes what is a time as ISO 8601. */
export function withDates(key: string, value: unknown): unknown {
  return TIME.test(key) && typeof value === 'number' ? new Date(value).toISOString() : value
}
