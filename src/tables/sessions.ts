import { isServer, skipLocked } from '../database/dialect.js'
import type { Database } from '../database/open.js'
import { statement } from '../database/statement.js'
import * as events from './events.js'
import type { Db } from './schema.js'
import { USER_COLUMNS, type User, userOf } from './users.js'

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

/** A session as its user sees it in a list. */
export interface Device extends Session {
  /** What the user calls it; null if nothing. */
  name: string | null
  userAgent: string
  address: string
  /** Of its last use; null if only the login is known. */
  lastUserAgent: string | null
  lastAddress: string | null
  /** When it was last used from another network and by another browser at once, and which; null if never. */
  jumpedAt: number | null
  jumpUserAgent: string | null
  jumpAddress: string | null
}

export interface NewSession {
  id: string
  tokenHash: string
  userId: string
  kept: boolean
  loginForm: string
  device: string
  userAgent: string
  address: string
  now: number
  expiresAt: number
}

/** What is to be written in the same transaction as a change of sessions: what the history tells of it. */
interface Told {
  event?: events.StoredEvent | undefined
}

/**
 * Stores a new session of an account that is open, not disabled, and still has this stamp, so that its password is the one
 * that was looked at; else answers undefined. Until the end of the transaction it stays so: whoever changes or closes the account
 * waits for that, and then sees the session. The one it takes the place of, `insteadOf`, ends with it. A form that has come
 * twice gets the session that it has begun, with another token, and `isNew` is false.
 */
export async function open(
  db: Db,
  session: NewSession,
  { deviceStamp, insteadOf }: { deviceStamp: string; insteadOf?: string | undefined },
): Promise<{ id: string; isNew: boolean } | undefined> {
  const [stored] = await store(db, { ...session, kept: session.kept ? 1 : 0, deviceStamp })
  if (stored === undefined) return undefined
  const { id } = stored
  if (insteadOf !== undefined && insteadOf !== id)
    await db.deleteFrom('sessions').where('id', '=', insteadOf).execute()
  if ((stored.others ?? 0) >= MOST_SESSIONS) await endTooMany(db, { userId: session.userId })
  return { id, isNew: id === session.id }
}

type Stored = Omit<NewSession, 'kept'> & { kept: number; deviceStamp: string }

// All in one question: on a server each one costs a login more than what it asks.
const store = statement((db, session: Stored) => {
  const row = {
    id: session.id,
    token_hash: session.tokenHash,
    user_id: session.userId,
    kept: session.kept,
    login_form: session.loginForm,
    device: session.device,
    user_agent: session.userAgent,
    address: session.address,
    created_at: session.now,
    last_seen_at: session.now,
    authenticated_at: session.now,
    expires_at: session.expiresAt,
  }
  return db
    .insertInto('sessions')
    .columns(keysOf(row))
    .expression((from) =>
      from
        .selectFrom('users')
        .select(({ val }) => keysOf(row).map((column) => val(row[column]).as(column)))
        .where('id', '=', session.userId)
        .where('device_stamp', '=', session.deviceStamp)
        .where('closed_at', 'is', null)
        .where('disabled_at', 'is', null)
        .$if(isServer(db), (users) => users.forNoKeyUpdate()),
    )
    .onConflict((conflict) =>
      conflict
        .columns(['user_id', 'login_form'])
        .doUpdateSet({ ...row, id: (eb) => eb.ref('sessions.id'), ...NOTHING_YET }),
    )
    .returning(({ selectFrom }) => [
      'sessions.id',
      selectFrom('sessions as other')
        .select(({ fn }) => fn.countAll<number>().as('count'))
        .where('other.user_id', '=', session.userId)
        .as('others'),
    ])
})

/** What a session that has just begun does not have; it may take the row of one that had. */
const NOTHING_YET = {
  former_hash: null,
  renewed_at: null,
  last_address: null,
  last_user_agent: null,
  jumped_at: null,
  jump_address: null,
  jump_user_agent: null,
} as const

function keysOf<Row extends object>(row: Row): (keyof Row)[] {
  return Object.keys(row) as (keyof Row)[]
}

/** Whoever needs more forgets to log out; each is a row on a page, too. */
const MOST_SESSIONS = 100

const endTooMany = statement((db, { userId }: { userId: string }) =>
  db
    .deleteFrom('sessions')
    .where('id', 'in', (sessions) =>
      sessions
        .selectFrom('sessions')
        .select('id')
        .where('user_id', '=', userId)
        .orderBy('last_seen_at', 'desc')
        .limit(MOST_SESSIONS)
        .offset(MOST_SESSIONS),
    ),
)

async function tell(db: Db, event: events.StoredEvent | undefined): Promise<void> {
  if (event !== undefined) await events.insert(db, event)
}

const SESSION_COLUMNS = [
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

function sessionOf(row: SessionRow): Session {
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

const PLACE_COLUMNS = [
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

const byTokenHash = statement((db, { tokenHash, now }: { tokenHash: string; now: number }) =>
  live(db, now).where('token_hash', '=', tokenHash),
)

/**
 * The live session that had this token until a moment ago: a second press of the same button, and what other tabs have
 * asked for meanwhile, are no strangers. The very form that has renewed it is none for as long as a database may take to
 * come back: its answer may never have arrived. It says nothing of who gave the password.
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

/** The live sessions of a user, the last used first. */
export async function ofUser(db: Db, userId: string, now: number): Promise<Device[]> {
  const rows = await db
    .selectFrom('sessions')
    .select(SESSION_COLUMNS)
    .select(PLACE_COLUMNS)
    .select(['device_name', 'jump_user_agent', 'jump_address'])
    .where('user_id', '=', userId)
    .where('expires_at', '>', now)
    .orderBy('last_seen_at', 'desc')
    .orderBy('session_id')
    .execute()
  return rows.map((row) => ({
    ...sessionOf(row),
    name: row.device_name,
    userAgent: row.user_agent,
    address: row.address,
    lastUserAgent: row.last_user_agent,
    lastAddress: row.last_address,
    jumpedAt: row.jumped_at,
    jumpUserAgent: row.jump_user_agent,
    jumpAddress: row.jump_address,
  }))
}

/** That a session was used: when, until when it lives on, and where. */
export interface Use extends Place {
  id: string
  now: number
  expiresAt: number
}

/** Notes that the session was used, which also moves its end. */
export async function touch(db: Db, use: Use): Promise<void> {
  await db
    .updateTable('sessions')
    .set(usedNow(use))
    .where('id', '=', use.id)
    .where('last_seen_at', '<', use.now)
    .execute()
}

function usedNow({ now, expiresAt, address, userAgent }: Use) {
  return { last_seen_at: now, expires_at: expiresAt, last_address: address, last_user_agent: userAgent }
}

/** The same of a use that is a jump; answers false if one was noted after `since` already, or the session has ended. */
export async function jump(db: Db, use: Use, { since }: { since: number }): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('sessions')
    .set({
      ...usedNow(use),
      jumped_at: use.now,
      jump_address: use.address,
      jump_user_agent: use.userAgent,
    })
    .where('id', '=', use.id)
    .where(({ or, eb }) => or([eb('jumped_at', 'is', null), eb('jumped_at', '<=', since)]))
    .executeTakeFirst()
  return numUpdatedRows > 0n
}

/** One session of one user: nobody can name another's. */
export interface Owned {
  id: string
  userId: string
}

export interface Renewal {
  formerHash: string
  tokenHash: string
  now: number
  /** The fingerprint of the form that did it, if its second arrival is to be known. */
  form?: string | undefined
}

/** Whether the session was begun, or renewed last, by the form with this fingerprint. */
export async function isOfForm(db: Db, { id, userId }: Owned, form: string): Promise<boolean> {
  const row = await db
    .selectFrom('sessions')
    .select('id')
    .where('id', '=', id)
    .where('user_id', '=', userId)
    .where('login_form', '=', form)
    .executeTakeFirst()
  return row !== undefined
}

/**
 * Notes that the password was asked for again, and gives the session another token; `formerHash` is that of the token with
 * which this was asked. Answers false if the session has ended.
 */
export async function renew(
  db: Db,
  { id, userId }: Owned,
  { formerHash, tokenHash, now, form }: Renewal,
): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('sessions')
    .set({
      token_hash: tokenHash,
      former_hash: formerHash,
      renewed_at: now,
      authenticated_at: now,
      ...(form !== undefined && { login_form: form }),
    })
    .where('id', '=', id)
    .where('user_id', '=', userId)
    .executeTakeFirst()
  return numUpdatedRows > 0n
}

/** Gives the session the name by which its user knows the device; answers false if it has ended. */
export async function rename(
  database: Database,
  { id, userId }: Owned,
  name: string | null,
  { event }: Told = {},
): Promise<boolean> {
  return changed(database, event, (transaction) =>
    transaction
      .updateTable('sessions')
      .set({ device_name: name })
      .where('id', '=', id)
      .where('user_id', '=', userId)
      .executeTakeFirst()
      .then(({ numUpdatedRows }) => numUpdatedRows),
  )
}

/** Ends a session, and answers by which device it was used; undefined if it had ended before. */
export async function close(db: Db, { id, userId }: Owned): Promise<string | undefined> {
  const closed = await db
    .deleteFrom('sessions')
    .where('id', '=', id)
    .where('user_id', '=', userId)
    .returning('device')
    .executeTakeFirst()
  return closed?.device
}

/** Notes that the session's browser carries another id for the account. */
export async function setDevice(db: Db, { id, userId }: Owned, device: string): Promise<void> {
  await db
    .updateTable('sessions')
    .set({ device })
    .where('id', '=', id)
    .where('user_id', '=', userId)
    .execute()
}

/** Does what changes one session, and tells of it if there was one. */
async function changed(
  database: Database,
  event: events.StoredEvent | undefined,
  change: (transaction: Db) => Promise<bigint>,
): Promise<boolean> {
  return database.write(async (transaction) => {
    const count = await change(transaction)
    if (count > 0n) await tell(transaction, event)
    return count > 0n
  })
}

/** Ends all sessions of the user, or all but one; answers how many were alive. */
export async function closeAll(
  db: Db,
  userId: string,
  { now, except = '' }: { now: number; except?: string },
): Promise<number> {
  const closed = await db
    .deleteFrom('sessions')
    .where('user_id', '=', userId)
    .where('id', '!=', except)
    .returning('expires_at')
    .execute()
  return closed.filter(({ expires_at }) => expires_at > now).length
}

/** Ends all sessions of several users; returns the owner of each that was alive. */
export async function closeAllOf(
  db: Db,
  userIds: readonly string[],
  { now }: { now: number },
): Promise<string[]> {
  const closed = await db
    .deleteFrom('sessions')
    .where('user_id', 'in', userIds)
    .returning(['user_id', 'expires_at'])
    .execute()
  return closed.filter(({ expires_at }) => expires_at > now).map(({ user_id }) => user_id)
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

/** Deletes at most `batch` sessions that have ended, but the first `skip` of them, and answers how many. */
export async function sweep(
  db: Db,
  { now, batch, skip = 0 }: { now: number; batch: number; skip?: number },
): Promise<number> {
  const ended = await db
    .deleteFrom('sessions')
    .where('token_hash', 'in', (sessions) =>
      sessions
        .selectFrom('sessions')
        .select('token_hash')
        .where('expires_at', '<=', now)
        .limit(batch)
        .offset(skip)
        .$if(isServer(db), skipLocked),
    )
    .returning('token_hash')
    .execute()
  return ended.length
}
