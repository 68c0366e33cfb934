import type { ExpressionBuilder, Selectable } from 'kysely'
import { isServer } from '../database/dialect.js'
import { statement } from '../database/statement.js'
import type { Db, Schema } from './schema.js'

export * from './tokens-codes.js'
export * from './tokens-end.js'

/** What a mailed token is for, by the name of its mail. */
export type Purpose = 'email-confirm' | 'password-reset' | 'email-change' | 'email-undo' | 'account-reopen'

/** Tokens that were mailed: each proves that somebody reads the mails of one address, for one purpose, once. */
export interface TokensTable {
  /** SHA-256 of the token, base64url: a stolen database opens nothing. */
  hash: string
  purpose: Purpose
  user_id: string
  /** To which it was sent, as typed and folded. */
  email: string
  email_key: string
  /** An HMAC of the code beside the link; null if there is none, or no more. */
  code_mac: string | null
  code_tries: number
  code_expires_at: number
  created_at: number
  expires_at: number
  used_at: number | null
  /** The fingerprint of the form that used it, by which its second arrival is known; null if none did. */
  used_form: string | null
}

/** A mailed token. Times are UTC milliseconds. */
export interface Token {
  hash: string
  purpose: Purpose
  userId: string
  email: string
  emailKey: string
  createdAt: number
  expiresAt: number
  /** When it was used; null if it was not. */
  usedAt: number | null
  /** The fingerprint of the form that used it. */
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

/** Stores a token. Of those that the user was sent for this before, the links stay good, and the codes do not. */
export async function insert(db: Db, token: NewToken): Promise<void> {
  if (isServer(db)) await lockUser(db, token.userId)
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

// Two mails that are sent at the same time would not see each other's code, and both stay good.
async function lockUser(db: Db, userId: string): Promise<void> {
  await db.selectFrom('users').select('id').where('id', '=', userId).forNoKeyUpdate().execute()
}

// Which of two came first is known by when they were created, also where the clocks of two nodes differ.
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

/** Counts the lifetimes from now on, for a mail that is tried again. */
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

// As long as an account is disabled, nothing that was mailed to it opens anything; afterwards it does again.
export function ofEnabled({ exists, selectFrom }: ExpressionBuilder<Schema, 'tokens'>) {
  const owner = selectFrom('users').select('users.id').whereRef('users.id', '=', 'tokens.user_id')
  return exists(owner.where('disabled_at', 'is', null))
}

/** The token for this purpose, also one that is used or too old; none of an account that is disabled. */
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

/** Uses the token up, or answers undefined: of many at once one alone gets it. */
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

/** Whether the address is held for a user other than this one, who may yet undo that it was changed. */
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

/** Whose address this is according to the last mail of this purpose that went there. */
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
