import type { Selectable } from 'kysely'
import { sql } from '../database/kysely.js'
import { changed } from '../database/statement.js'
import { type SweepSize, sweepRows } from '../database/sweep.js'
import type { Db } from './schema.js'

export * from './mails-delivery.js'

/** A mail waits, was taken by the server, or will never be. */
export type MailState = 'waiting' | 'sent' | 'dead'

/** The outbox: a mail is written with what it tells of, in one transaction, and sent afterwards. */
export interface MailsTable {
  /** Also the Message-ID, so that one that is sent again is known for the same. */
  id: string
  /** The name of its template. */
  kind: string
  /** Whose it is; null as long as only a name is known that somebody typed. */
  user_id: string | null
  /** What the mail tells, sealed; '' once it is sent. */
  facts: string
  /** To whom, and the token and the code in it, sealed; '' before the first try, and again once it is sent or dead. */
  prepared: string
  state: MailState
  /** When it is tried next, UTC milliseconds; of one that has ended, when it did. One that is being sent is due later. */
  due_at: number
  /** How often it was taken to be sent; so who held it for too long finds out that somebody else has taken it since. */
  tries: number
  /** How often the server has refused it for good. */
  refusals: number
  /** What went wrong last; it names no address. */
  problem: string
  created_at: number
}

/** A mail on its way. Times are UTC milliseconds. */
export interface StoredMail {
  id: string
  kind: string
  userId: string | null
  facts: string
  prepared: string
  state: MailState
  dueAt: number
  tries: number
  refusals: number
  problem: string
  createdAt: number
}

export interface NewMail {
  id: string
  kind: string
  userId: string | null
  facts: string
  now: number
}

/** Stores mails; one that is there already, of a form that has come twice, stays as it is. */
export async function insert(db: Db, mails: readonly NewMail[]): Promise<void> {
  if (mails.length === 0) return
  const rows = mails.map(({ id, kind, userId, facts, now }) => ({
    id,
    kind,
    user_id: userId,
    facts,
    prepared: '',
    state: 'waiting' as const,
    due_at: now,
    tries: 0,
    refusals: 0,
    problem: '',
    created_at: now,
  }))
  await db
    .insertInto('mails')
    .values(rows)
    .onConflict((conflict) => conflict.column('id').doNothing())
    .execute()
}

/** Drops what of these kinds, written after `since`, waits for the user: a later change has made it wrong. */
export async function cancel(
  db: Db,
  userId: string,
  kinds: readonly string[],
  { since = 0 }: { since?: number } = {},
): Promise<void> {
  await db
    .deleteFrom('mails')
    .where('user_id', '=', userId)
    .where('kind', 'in', kinds)
    .where('state', '=', 'waiting')
    .where('created_at', '>', since)
    .execute()
}

/** Lets a dead mail be tried again; answers false if there is none with this id. */
export async function revive(db: Db, id: string, now: number): Promise<boolean> {
  const dead = db.updateTable('mails').where('id', '=', id).where('state', '=', 'dead')
  const anew = { state: 'waiting' as const, due_at: now, refusals: 0, created_at: now }
  return changed(dead.set(anew))
}

/** The mails in these states, those that end or are due last first. */
export async function list(
  db: Db,
  { states, limit }: { states: readonly MailState[]; limit: number },
): Promise<StoredMail[]> {
  const rows = await db
    .selectFrom('mails')
    .selectAll()
    .where('state', 'in', states)
    .orderBy('due_at', 'desc')
    .orderBy('id', 'desc')
    .limit(limit)
    .execute()
  return rows.map(mailOf)
}

export async function ofUser(db: Db, userId: string): Promise<StoredMail[]> {
  const rows = await db.selectFrom('mails').selectAll().where('user_id', '=', userId).orderBy('id').execute()
  return rows.map(mailOf)
}

export async function byId(db: Db, id: string): Promise<StoredMail | undefined> {
  const row = await db.selectFrom('mails').selectAll().where('id', '=', id).executeTakeFirst()
  return row && mailOf(row)
}

/** Deletes mails that were sent before `sentUntil` or given up before `deadUntil`, and returns how many. */
export function sweep(
  db: Db,
  { sentUntil, deadUntil, ...size }: SweepSize & { sentUntil: number; deadUntil: number },
): Promise<number> {
  const ended = db
    .selectFrom('mails')
    .select('id')
    .where(({ and, eb, or }) =>
      or([
        and([eb('state', '=', 'sent'), eb('due_at', '<', sentUntil)]),
        and([eb('state', '=', 'dead'), eb('due_at', '<', deadUntil)]),
      ]),
    )
  return sweepRows(db, 'mails', ended, size)
}

/** The beginnings of what is sealed in mails, in which the key is named, and how many mails have both of these. */
export interface SealedMails {
  facts: string
  prepared: string
  count: number
}

/** What the mails were sealed with that wait to be sent, or to be sent again. */
export async function sealed(db: Db): Promise<SealedMails[]> {
  const rows = await db
    .selectFrom('mails')
    .select([
      sql<string>`substr(facts, 1, 6)`.as('facts_of'),
      sql<string>`substr(prepared, 1, 6)`.as('prepared_of'),
    ])
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('state', 'in', ['waiting', 'dead'])
    .groupBy(['facts_of', 'prepared_of'])
    .execute()
  return rows.map(({ facts_of, prepared_of, count }) => ({ facts: facts_of, prepared: prepared_of, count }))
}

export function mailOf(row: Selectable<MailsTable>): StoredMail {
  return {
    id: row.id,
    kind: row.kind,
    userId: row.user_id,
    facts: row.facts,
    prepared: row.prepared,
    state: row.state,
    dueAt: row.due_at,
    tries: row.tries,
    refusals: row.refusals,
    problem: row.problem,
    createdAt: row.created_at,
  }
}
