import type { ExpressionBuilder, Selectable } from 'kysely'
import { statement } from '../database/statement.js'
import type { Db, Schema } from './schema.js'
import * as users from './users.js'

export * from './tokens-codes.js'
export * from './tokens-end.js'

export type Purpose =
  | 'email-confirm'
  | 'password-reset'
  | 'email-change'
  | 'email-undo'
  | 'account-reopen'
  | 'second-lost'

export interface TokensTable {
  /** SHA-256 of the token, base64url, so that a stolen database opens nothing. */
  hash: string
  purpose: Purpose
  user_id: string
  email: string
  email_key: string
  /** HMAC of the code beside the link; null if there is none. */
  code_mac: string | null
  code_tries: number
  code_expires_at: number
  created_at: number
  expires_at: number
  used_at: number | null
  /** Fingerprint of the form that used it, to recognize a second submission. */
  used_form: string | null
}

export interface Token {
  hash: string
  purpose: Purpose
  userId: string
  email: string
  emailKey: string
  createdAt: number
  expiresAt: number
  usedAt: number | null
  usedForm: string | null
}

export interface NewToken {
  hash: string
  purpose: Purpose
  userId: string
  email: string
  emailKey: string
  codeMac: string | null
  codeExpiresAt: number
  now: number
  expiresAt: number
}

/** Earlier links for this purpose keep working, earlier codes do not. */
export async function insert(db: Db, token: NewToken): Promise<void> {
  // Otherwise the codes of two parallel emails would both work.
  await users.lock(db, token.userId)
  const createdAt = Math.max(token.now, (await newestOf(db, token)) + 1)
  await db
    .updateTable('tokens')
    .set({ code_mac: null })
    .where('user_id', '=', token.userId)
    .where('purpose', '=', token.purpose)
    .where('code_mac', 'is not', null)
    .execute()
  await db
    .insertInto('tokens')
    .values({
      hash: token.hash,
      purpose: token.purpose,
      user_id: token.userId,
      email: token.email,
      email_key: token.emailKey,
      code_mac: token.codeMac,
      code_tries: 0,
      code_expires_at: token.codeExpiresAt,
      created_at: createdAt,
      expires_at: token.expiresAt,
      used_at: null,
      used_form: null,
    })
    .execute()
}

// Keeps the order of creation if the clocks of two nodes differ.
async function newestOf(db: Db, { userId, purpose }: NewToken): Promise<number> {
  const row = await db
    .selectFrom('tokens')
    .select('created_at')
    .where('user_id', '=', userId)
    .where('purpose', '=', purpose)
    .orderBy('created_at', 'desc')
    .limit(1)
    .executeTakeFirst()
  return row?.created_at ?? 0
}

export async function extend(
  db: Db,
  hash: string,
  { expiresAt, codeExpiresAt }: { expiresAt: number; codeExpiresAt: number },
): Promise<void> {
  await db
    .updateTable('tokens')
    .set({ expires_at: expiresAt, code_expires_at: codeExpiresAt })
    .where('hash', '=', hash)
    .where('used_at', 'is', null)
    .execute()
}

// Tokens of a disabled account do nothing until the account is enabled again.
export function ofEnabled({ exists, selectFrom }: ExpressionBuilder<Schema, 'tokens'>) {
  const owner = selectFrom('users').select('users.id').whereRef('users.id', '=', 'tokens.user_id')
  return exists(owner.where('disabled_at', 'is', null))
}

export async function byHash(db: Db, hash: string, purpose: Purpose): Promise<Token | undefined> {
  const row = await db
    .selectFrom('tokens')
    .selectAll()
    .where('hash', '=', hash)
    .where('purpose', '=', purpose)
    .where(ofEnabled)
    .executeTakeFirst()
  return row && tokenOf(row)
}

/** Returns undefined unless this call used it. Of parallel calls one succeeds. */
export async function use(
  db: Db,
  { hash, purpose, now, form = null }: { hash: string; purpose: Purpose; now: number; form?: string | null },
): Promise<Token | undefined> {
  const row = await db
    .updateTable('tokens')
    .set({ used_at: now, used_form: form, code_mac: null })
    .where('hash', '=', hash)
    .where('purpose', '=', purpose)
    .where('used_at', 'is', null)
    .where('expires_at', '>', now)
    .where(ofEnabled)
    .returningAll()
    .executeTakeFirst()
  return row && tokenOf(row)
}

/** Whether another user may still undo a change and get this address back. */
export async function isHeld(
  db: Db,
  emailKey: string,
  { now, userId = '' }: { now: number; userId?: string },
): Promise<boolean> {
  return (await undoable(db, { emailKey, now, userId })).length > 0
}

const undoable = statement(
  (db: Db, { emailKey, now, userId }: { emailKey: string; now: number; userId: string }) =>
    db
      .selectFrom('tokens')
      .select('hash')
      .where('email_key', '=', emailKey)
      .where('purpose', '=', 'email-undo')
      .where('used_at', 'is', null)
      .where('expires_at', '>', now)
      .where('user_id', '!=', userId)
      .limit(1),
)

/** Returns until when a change of the user's address can be undone, 0 if none can. */
export async function undoableUntil(db: Db, userId: string): Promise<number> {
  const { until } = await db
    .selectFrom('tokens')
    .select(({ fn }) => fn.max<number | null>('expires_at').as('until'))
    .where('user_id', '=', userId)
    .where('purpose', '=', 'email-undo')
    .where('used_at', 'is', null)
    .executeTakeFirstOrThrow()
  return until ?? 0
}

export async function lastUserOf(db: Db, emailKey: string, purpose: Purpose): Promise<string | undefined> {
  const row = await db
    .selectFrom('tokens')
    .select('user_id')
    .where('email_key', '=', emailKey)
    .where('purpose', '=', purpose)
    .orderBy('created_at', 'desc')
    .limit(1)
    .executeTakeFirst()
  return row?.user_id
}

export async function ofUser(db: Db, userId: string): Promise<Token[]> {
  const rows = await db
    .selectFrom('tokens')
    .selectAll()
    .where('user_id', '=', userId)
    .orderBy('created_at')
    .execute()
  return rows.map(tokenOf)
}

export function tokenOf(row: Selectable<TokensTable>): Token {
  return {
    hash: row.hash,
    purpose: row.purpose,
    userId: row.user_id,
    email: row.email,
    emailKey: row.email_key,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    usedAt: row.used_at,
    usedForm: row.used_form,
  }
}
