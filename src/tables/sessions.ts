import type { Database } from './database.js'
import type { Db } from './schema.js'
import { USER_COLUMNS, type User, userOf } from './users.js'

export interface SessionsTable {
  /** SHA-256 of the token in the cookie, base64url: a stolen database opens no session. */
  token_hash: string
  user_id: string
  /** 1 if the visitor asked to be kept logged in, else 0. */
  kept: number
  /** The fingerprint of the form that began it. */
  login_form: string
  /** What the user calls this device. */
  device_name: string | null
  user_agent: string
  address: string
  created_at: number
  last_seen_at: number
  /** When the password was last asked for. */
  authenticated_at: number
  /** When the session ends if it is not used before. */
  expires_at: number
}

/** A login that is alive. Times are UTC milliseconds. */
export interface Session {
  tokenHash: string
  kept: boolean
  createdAt: number
  lastSeenAt: number
  authenticatedAt: number
}

export interface NewSession {
  tokenHash: string
  userId: string
  kept: boolean
  loginForm: string
  userAgent: string
  address: string
  now: number
  expiresAt: number
}

/** Stores a new session; those it takes the place of, `insteadOf` and that of the same form, end with the same write. */
export async function open(
  database: Database,
  session: NewSession,
  { insteadOf }: { insteadOf?: string | undefined } = {},
): Promise<void> {
  await database.write(async (transaction) => {
    if (insteadOf !== undefined) {
      await transaction.deleteFrom('sessions').where('token_hash', '=', insteadOf).execute()
    }
    await transaction
      .deleteFrom('sessions')
      .where('user_id', '=', session.userId)
      .where('login_form', '=', session.loginForm)
      .execute()
    await transaction
      .insertInto('sessions')
      .values({
        token_hash: session.tokenHash,
        user_id: session.userId,
        kept: session.kept ? 1 : 0,
        login_form: session.loginForm,
        device_name: null,
        user_agent: session.userAgent,
        address: session.address,
        created_at: session.now,
        last_seen_at: session.now,
        authenticated_at: session.now,
        expires_at: session.expiresAt,
      })
      .execute()
  })
}

/** The live session with this token, and whose it is. */
export async function byToken(
  db: Db,
  tokenHash: string,
  now: number,
): Promise<{ session: Session; user: User } | undefined> {
  const row = await db
    .selectFrom('sessions')
    .innerJoin('users', 'users.id', 'sessions.user_id')
    .select(['kept', 'sessions.created_at as opened_at', 'last_seen_at', 'authenticated_at'])
    .select(USER_COLUMNS)
    .where('token_hash', '=', tokenHash)
    .where('expires_at', '>', now)
    .executeTakeFirst()
  if (row === undefined) return undefined
  const session = {
    tokenHash,
    kept: row.kept === 1,
    createdAt: row.opened_at,
    lastSeenAt: row.last_seen_at,
    authenticatedAt: row.authenticated_at,
  }
  return { session, user: userOf(row) }
}

/** Notes that the session was used, which also moves its end. */
export async function touch(
  db: Db,
  { tokenHash, now, expiresAt }: { tokenHash: string; now: number; expiresAt: number },
): Promise<void> {
  await db
    .updateTable('sessions')
    .set({ last_seen_at: now, expires_at: expiresAt })
    .where('token_hash', '=', tokenHash)
    .where('last_seen_at', '<', now)
    .execute()
}

export async function close(database: Database, tokenHash: string): Promise<void> {
  await database.write((transaction) =>
    transaction.deleteFrom('sessions').where('token_hash', '=', tokenHash).execute(),
  )
}

/** Deletes at most `batch` sessions that have ended, and answers how many. */
export async function sweep(db: Db, { now, batch }: { now: number; batch: number }): Promise<number> {
  const ended = await db
    .deleteFrom('sessions')
    .where('token_hash', 'in', (sessions) =>
      sessions.selectFrom('sessions').select('token_hash').where('expires_at', '<=', now).limit(batch),
    )
    .returning('token_hash')
    .execute()
  return ended.length
}
