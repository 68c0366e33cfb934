import { statement } from '../database/statement.js'
import type { Db } from './schema.js'
import { USER_COLUMNS, type User, userOf } from './users.js'

export * from './sessions-begin.js'
export * from './sessions-devices.js'
export * from './sessions-end.js'
export * from './sessions-use.js'

export interface SessionsTable {
  /** By which pages speak of the session; it opens nothing. */
  id: string
  /** SHA-256 of the token in the cookie, base64url: a stolen database opens no session. */
  token_hash: string
  /** That of the token before, for what was on its way when it was renewed. */
  former_hash: string | null
  renewed_at: number | null
  user_id: string
  /** 1 if the visitor asked to be kept logged in, else 0. */
  kept: number
  /** The fingerprint of the form that began it, or changed the password in it. */
  login_form: string
  /** What the user calls this device. */
  device_name: string | null
  /** The id that the browser carries for the account in its device cookie; '' if that is not known. */
  device: string
  user_agent: string
  address: string
  /** Where it was used last, and by which browser; null if only at its login. */
  last_address: string | null
  last_user_agent: string | null
  /** When it was last used from another network and by another browser at once, and which; null if never. */
  jumped_at: number | null
  jump_address: string | null
  jump_user_agent: string | null
  created_at: number
  last_seen_at: number
  /** When the password was last asked for. */
  authenticated_at: number
  /** When the session ends if it is not used before. */
  expires_at: number
}

/** A login that is alive. Times are UTC milliseconds. */
export interface Session {
  id: string
  kept: boolean
  createdAt: number
  lastSeenAt: number
  /** When the password was last asked for. */
  authenticatedAt: number
  expiresAt: number
}

export const SESSION_COLUMNS = [
  'sessions.id as session_id',
  'kept',
  'sessions.created_at as opened_at',
  'last_seen_at',
  'authenticated_at',
  'expires_at',
] as const

interface SessionRow {
  session_id: string
  kept: number
  opened_at: number
  last_seen_at: number
  authenticated_at: number
  expires_at: number
}

export function sessionOf(row: SessionRow): Session {
  return {
    id: row.session_id,
    kept: row.kept === 1,
    createdAt: row.opened_at,
    lastSeenAt: row.last_seen_at,
    authenticatedAt: row.authenticated_at,
    expiresAt: row.expires_at,
  }
}

/** A session and whose it is. */
export interface Login {
  session: Session
  user: User
}

/** From where, and by which browser, a session is used. */
export interface Place {
  address: string
  userAgent: string
}

/** Where a session was begun and used last, and when it was last told that it had jumped. */
export interface Trail {
  begun: Place
  last: Place
  jumpedAt: number | null
}

/** A login as the database knows it. */
export interface Found extends Login {
  trail: Trail
}

export const PLACE_COLUMNS = [
  'sessions.address',
  'sessions.user_agent',
  'last_address',
  'last_user_agent',
  'jumped_at',
] as const

type PlaceRow = Pick<
  SessionsTable,
  'address' | 'user_agent' | 'last_address' | 'last_user_agent' | 'jumped_at'
>

/** The live session with this token, and whose it is. */
export async function byToken(db: Db, tokenHash: string, now: number): Promise<Found | undefined> {
  const [row] = await byTokenHash(db, { tokenHash, now })
  return foundOf(row)
}

const byTokenHash = statement((db: Db, { tokenHash, now }: { tokenHash: string; now: number }) =>
  live(db, now).where('token_hash', '=', tokenHash),
)

/**
 * The live session that had this token until a moment ago: a second press of the same button, and what other tabs have
 * asked for meanwhile, belong to it. So does the very form that has renewed it, for as long as a database may take to come
 * back: its answer may never have arrived. It says nothing of who gave the password.
 */
export async function byFormerToken(
  db: Db,
  tokenHash: string,
  { now, form = '' }: { now: number; form?: string | undefined },
): Promise<Found | undefined> {
  const found = foundOf(
    await live(db, now)
      .where('former_hash', '=', tokenHash)
      .where('renewed_at', '>', now - FORM_LIFE)
      .where(({ eb, or }) => or([eb('renewed_at', '>', now - FORMER_LIFE), eb('login_form', '=', form)]))
      .executeTakeFirst(),
  )
  return found && { ...found, session: { ...found.session, authenticatedAt: found.session.createdAt } }
}

const FORMER_LIFE = 10_000

/** A failover takes up to a minute (docs/databases.md), and the form was sent before it. */
const FORM_LIFE = 120_000

// A session that was opened while the account was being disabled opens nothing either.
function live(db: Db, now: number) {
  return (
    db
      .selectFrom('sessions')
      .innerJoin('users', 'users.id', 'sessions.user_id')
      .select(SESSION_COLUMNS)
      .select(PLACE_COLUMNS)
      .select(USER_COLUMNS)
      .where('expires_at', '>', now)
      // A login that was on its way when the account was closed.
      .where('users.closed_at', 'is', null)
      .where('disabled_at', 'is', null)
  )
}

type FoundRow = SessionRow & PlaceRow & Parameters<typeof userOf>[0]

function foundOf(row: FoundRow | undefined): Found | undefined {
  return row && { session: sessionOf(row), user: userOf(row), trail: trailOf(row) }
}

function trailOf({ address, user_agent, last_address, last_user_agent, jumped_at }: PlaceRow): Trail {
  const begun = { address, userAgent: user_agent }
  return {
    begun,
    last: { address: last_address ?? address, userAgent: last_user_agent ?? user_agent },
    jumpedAt: jumped_at,
  }
}

/** One session of one user: nobody can name another's. */
export interface Owned {
  id: string
  userId: string
}

export async function countAlive(db: Db, now: number): Promise<number> {
  const { count } = await db
    .selectFrom('sessions')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('expires_at', '>', now)
    .executeTakeFirstOrThrow()
  return count
}

/** How many are alive that had their last token by then; the cookies of others were sealed later. */
export async function countUnrenewed(
  db: Db,
  { until, now }: { until: number; now: number },
): Promise<number> {
  const { count } = await db
    .selectFrom('sessions')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('expires_at', '>', now)
    .where('authenticated_at', '<=', until)
    .executeTakeFirstOrThrow()
  return count
}
