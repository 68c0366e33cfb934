import { statement } from '../database/statement.js'
import { type SweepSize, sweepRows } from '../database/sweep.js'
import type { Db } from './schema.js'

/** What has happened to an account, in the order in which a reader may ask for it. */
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
  'email_asked',
  'email_canceled',
  'email_changed',
  'email_restored',
  'name_changed',
  'account_closed',
  'account_reopened',
  'account_disabled',
  'account_enabled',
  'sessions_ended',
] as const

/**
 * A stable name of what has happened, on which pages and hosts rely. That an account was erased is told to the host alone:
 * its history goes with it.
 */
export type EventKind = (typeof EVENT_KINDS)[number] | keyof FeatureEvents | 'account_erased'

/** Kinds that features add, each for itself: `declare module '…/tables/events.js' { interface FeatureEvents { … } }`. */
// biome-ignore lint/suspicious/noEmptyInterface: features fill it.
export interface FeatureEvents {}

/** Who does something to an account: its user, an admin by id, a command by name, the host's own code, or Gatehouse by itself. */
export type Actor = 'self' | `admin:${string}` | `cli:${string}` | 'host' | 'system'

/** The security history of each user: rows are only added, and go when they are old or their user goes. */
export interface EventsTable {
  /** Begins with `at` in 15 digits and grows with time, so that of two events of one millisecond the later one comes last. */
  id: string
  user_id: string
  kind: EventKind
  about: string | null
  actor: Actor
  at: number
  user_agent: string
  address: string
}

/** Something that has happened to an account, on which device and from where. */
export interface AccountEvent {
  kind: EventKind
  userId: string
  /**
   * What it was done to, in words, if not to the account itself: a device. Of `account_erased` who did it: `sweep` (it was
   * closed, or never confirmed, long enough ago), `denial` (the owner of its address), `gatehouse users delete`.
   */
  about: string | null
  by: Actor
  /** UTC milliseconds. */
  at: number
  /** As the browser sent it. */
  userAgent: string
  address: string
}

/** An event as it is stored. */
export interface StoredEvent extends AccountEvent {
  id: string
}

/** Stores an event, with what it tells of. */
export async function insert(db: Db, event: StoredEvent): Promise<void> {
  await insertOne(db, { ...event })
}

const insertOne = statement((db: Db, event: Pick<StoredEvent, keyof StoredEvent>) =>
  db
    .insertInto('events')
    .values(rowOf(event))
    .onConflict((conflict) => conflict.column('id').doNothing()),
)

/** Stores those that have waited. A batch that was stored just when the connection broke comes again. */
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

/** The newest events of a user, newest first; with `before` those that are older than that one. */
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

/** Whether something of this kind has happened to the user since. */
export async function hasSince(
  db: Db,
  { userId, kind, at }: { userId: string; kind: EventKind; at: number },
): Promise<boolean> {
  const row = await db
    .selectFrom('events')
    .select('id')
    .where('user_id', '=', userId)
    .where('id', '>=', String(at).padStart(15, '0'))
    .where('kind', '=', kind)
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}

/** Deletes events that happened before `until`, the oldest first, and returns how many. */
export function sweep(db: Db, { until, ...size }: SweepSize & { until: number }): Promise<number> {
  const ended = db.selectFrom('events').select('id').where('at', '<', until).orderBy('at')
  return sweepRows(db, 'events', ended, size)
}
