import { statement } from '../database/statement.js'
import { type SweepSize, sweepRows } from '../database/sweep.js'
import type { Db } from './schema.js'

export const EVENT_KINDS = [
  'signed_up',
  'logged_in',
  'login_failed',
  'logged_out',
  'session_jumped',
  'password_confirmed',
  'password_failed',
  'device_named',
  'device_revoked',
  'devices_revoked',
  'limit_hit',
  'email_confirmed',
  'password_reset',
  'password_changed',
  'password_removed',
  'email_asked',
  'email_canceled',
  'email_changed',
  'email_restored',
  'name_changed',
  'account_closed',
  'account_reopened',
  'account_disabled',
  'account_enabled',
  'account_unlocked',
  'account_imported',
  'sessions_ended',
  'second_on',
  'second_off',
  'app_added',
  'app_replaced',
  'recovery_made',
  'recovery_used',
  'second_failed',
  'second_confirmed',
  'browser_trusted',
  'second_lost_asked',
  'second_lost_canceled',
  'second_lost_done',
  'passkey_added',
  'passkey_renamed',
  'passkey_removed',
  'passkey_confirmed',
  'passkey_copied',
  'role_added',
  'role_removed',
] as const

export type EventKind = (typeof EVENT_KINDS)[number] | keyof FeatureEvents | ReportedKind

/** Reported, but not stored, because there is no account. */
type ReportedKind = 'account_erased' | 'user_invited' | 'invitation_withdrawn'

/** Kinds that a feature adds: `declare module '…/tables/events.js' { interface FeatureEvents { … } }`. */
// biome-ignore lint/suspicious/noEmptyInterface: features fill it.
export interface FeatureEvents {}

/** The user, an admin (id), a command (name), the app, or Gatehouse itself. */
export type Actor = 'self' | `admin:${string}` | `cli:${string}` | 'host' | 'system'

export interface EventsTable {
  /** Starts with `at` in 15 digits and increases, so it also orders events of one millisecond. */
  id: string
  user_id: string
  kind: EventKind
  about: string | null
  actor: Actor
  at: number
  user_agent: string
  address: string
}

/** An event of an account, with its device and IP address. */
export interface AccountEvent {
  kind: EventKind
  userId: string
  /** The device it is about; null for the account itself. For `account_erased` the cause: an expired account (`sweep`),
   * the owner of the email address (`denial`), the app (`accounts.erase`), or the command. */
  about: string | null
  by: Actor
  /** UTC milliseconds. */
  at: number
  userAgent: string
  address: string
}

export interface StoredEvent extends AccountEvent {
  id: string
}

export async function insert(db: Db, event: StoredEvent): Promise<void> {
  await insertOne(db, { ...event })
}

const insertOne = statement((db: Db, event: Pick<StoredEvent, keyof StoredEvent>) =>
  db
    .insertInto('events')
    .values(rowOf(event))
    .onConflict((conflict) => conflict.column('id').doNothing()),
)

// Ignores duplicates: a batch is stored again if the connection broke.
export async function insertAll(db: Db, events: readonly StoredEvent[]): Promise<void> {
  if (events.length === 0) return
  await db
    .insertInto('events')
    .values(events.map(rowOf))
    .onConflict((conflict) => conflict.column('id').doNothing())
    .execute()
}

function rowOf({ id, userId, kind, about, by, at, userAgent, address }: StoredEvent): EventsTable {
  return { id, user_id: userId, kind, about, actor: by, at, user_agent: userAgent, address }
}

export async function newest(
  db: Db,
  { userId, before, limit }: { userId: string; before?: string | undefined; limit: number },
): Promise<StoredEvent[]> {
  const rows = await db
    .selectFrom('events')
    .selectAll()
    .where('user_id', '=', userId)
    .$if(before !== undefined, (events) => events.where('id', '<', before ?? ''))
    .orderBy('id', 'desc')
    .limit(limit)
    .execute()
  return rows.map((row) => ({
    id: row.id,
    kind: row.kind,
    userId: row.user_id,
    about: row.about,
    by: row.actor,
    at: row.at,
    userAgent: row.user_agent,
    address: row.address,
  }))
}

export async function hasSince(
  db: Db,
  { userId, kind, at }: { userId: string; kind: EventKind; at: number },
): Promise<boolean> {
  const row = await db
    .selectFrom('events')
    .select('id')
    .where('user_id', '=', userId)
    .where('id', '>=', idFrom(at))
    .where('kind', '=', kind)
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}

/** By the user, not by others. */
export async function hasOwnSince(
  db: Db,
  { userId, kind, at, until }: { userId: string; kind: EventKind; at: number; until?: number },
): Promise<boolean> {
  const row = await db
    .selectFrom('events')
    .select('id')
    .where('user_id', '=', userId)
    .where('id', '>=', idFrom(at))
    .$if(until !== undefined, (events) => events.where('id', '<', idFrom(until ?? 0)))
    .where('kind', '=', kind)
    .where('actor', '=', 'self')
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}

function idFrom(at: number): string {
  return String(at).padStart(15, '0')
}

export function sweep(db: Db, { until, ...size }: SweepSize & { until: number }): Promise<number> {
  const ended = db.selectFrom('events').select('id').where('at', '<', until).orderBy('at')
  return sweepRows(db, 'events', ended, size)
}
