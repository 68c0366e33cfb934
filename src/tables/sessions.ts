import type { ExpressionBuilder } from 'kysely'
import { statement } from '../database/statement.js'
import type { Db, Schema } from './schema.js'
import { USER_COLUMNS, type User, userOf } from './users.js'

export * from './sessions-begin.js'
export * from './sessions-devices.js'
export * from './sessions-end.js'
export * from './sessions-use.js'

export interface SessionsTable {
  id: string
  /** SHA-256 of the token, base64url, so that a stolen database opens no session. */
  token_hash: string
  /** Of the previous token, for requests that were under way when it was replaced. */
  former_hash: string | null
  renewed_at: number | null
  user_id: string
  kept: number
  /** Fingerprint of the form that started or renewed the session. After a dot, that of a code in it. */
  login_form: string
  device_name: string | null
  device: string
  user_agent: string
  address: string
  last_address: string | null
  last_user_agent: string | null
  jumped_at: number | null
  jump_address: string | null
  jump_user_agent: string | null
  created_at: number
  last_seen_at: number
  authenticated_at: number
  /** Sorted, separated by spaces. */
  methods: string
  second_at: number | null
  expires_at: number
}

/** Times are UTC milliseconds. */
export interface Session {
  id: string
  kept: boolean
  createdAt: number
  lastSeenAt: number
  authenticatedAt: number
  /** When the second step of two-step verification was last passed; null if it was not. */
  secondAt: number | null
  expiresAt: number
}

export const SESSION_COLUMNS = [
  'sessions.id as session_id',
  'kept',
  'sessions.created_at as opened_at',
  'last_seen_at',
  'authenticated_at',
  'second_at',
  'expires_at',
] as const

interface SessionRow {
  session_id: string
  kept: number
  opened_at: number
  last_seen_at: number
  authenticated_at: number
  second_at: number | null
  expires_at: number
}

export function sessionOf(row: SessionRow): Session {
  return {
    id: row.session_id,
    kept: row.kept === 1,
    createdAt: row.opened_at,
    lastSeenAt: row.last_seen_at,
    authenticatedAt: row.authenticated_at,
    secondAt: row.second_at,
    expiresAt: row.expires_at,
  }
}

export interface Login {
  session: Session
  user: User
}

export interface Place {
  address: string
  userAgent: string
}

export interface Trail {
  begun: Place
  last: Place
  jumpedAt: number | null
}

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

export async function byToken(db: Db, tokenHash: string, now: number): Promise<Found | undefined> {
  const [row] = await byTokenHash(db, { tokenHash, now })
  return foundOf(row)
}

const byTokenHash = statement((db: Db, { tokenHash, now }: { tokenHash: string; now: number }) =>
  live(db, now).where('token_hash', '=', tokenHash),
)

// Double clicks and other tabs still send the previous token for a moment. It proves no password and no second
// step, except to the form that renewed it, which may also retry for longer: its response may be lost.
export async function byFormerToken(
  db: Db,
  tokenHash: string,
  { now, form = '' }: { now: number; form?: string | undefined },
): Promise<Found | undefined> {
  const row = await live(db, now)
    .select((eb) => renewedBy(eb).as('renewed_by'))
    .where('former_hash', '=', tokenHash)
    .where('renewed_at', '>', now - FORM_LIFE)
    .where(({ eb, or }) => or([eb('renewed_at', '>', now - FORMER_LIFE), eb(renewedBy(eb), '=', form)]))
    .executeTakeFirst()
  const found = foundOf(row)
  if (found === undefined || row?.renewed_by === form) return found
  const { session } = found
  return { ...found, session: { ...session, authenticatedAt: session.createdAt, secondAt: null } }
}

function renewedBy({ fn, lit }: ExpressionBuilder<Schema, 'sessions'>) {
  return fn<string>('substr', ['login_form', lit(1), lit(43)])
}

const FORMER_LIFE = 10_000

// Longer than a failover of the database (docs/databases.md).
const FORM_LIFE = 120_000

function live(db: Db, now: number) {
  return (
    db
      .selectFrom('sessions')
      .innerJoin('users', 'users.id', 'sessions.user_id')
      .select(SESSION_COLUMNS)
      .select(PLACE_COLUMNS)
      .select(USER_COLUMNS)
      .where('expires_at', '>', now)
      // A login may finish while the account is being closed or disabled.
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

export interface Owned {
  id: string
  userId: string
}

export async function countOpen(db: Db, now: number): Promise<number> {
  const { count } = await db
    .selectFrom('sessions')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('expires_at', '>', now)
    .executeTakeFirstOrThrow()
  return count
}

export async function countNotRecent(
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
