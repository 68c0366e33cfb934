import type { Selectable } from 'kysely'
import { sql } from '../database/kysely.js'
import { changed } from '../database/statement.js'
import { type SweepSize, sweepRows } from '../database/sweep.js'
import type { Db } from './schema.js'

export * from './mails-delivery.js'

export type MailState = 'waiting' | 'sent' | 'failed'

export interface MailsTable {
  /** Also the Message-ID, so that mail servers recognize an email that is sent twice. */
  id: string
  kind: string
  /** Null while only a typed username or address is known. */
  user_id: string | null
  /** What the email says, encrypted; '' once sent. */
  facts: string
  /** Recipient, token and code, encrypted; '' before the first attempt and after the last. */
  prepared: string
  state: MailState
  /** Of the next attempt, or of the end. While a process is sending it, the end of the lease. */
  due_at: number
  /** Also tells a process that lost its lease that another one has claimed the email. */
  tries: number
  refusals: number
  problem: string
  created_at: number
}

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
  dueAt: number
}

export async function insert(db: Db, mails: readonly NewMail[]): Promise<void> {
  if (mails.length === 0) return
  const rows = mails.map(({ id, kind, userId, facts, dueAt }) => ({
    id,
    kind,
    user_id: userId,
    facts,
    prepared: '',
    state: 'waiting' as const,
    due_at: dueAt,
    tries: 0,
    refusals: 0,
    problem: '',
    created_at: dueAt,
  }))
  await db
    .insertInto('mails')
    .values(rows)
    .onConflict((conflict) => conflict.column('id').doNothing())
    .execute()
}

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

export async function requeue(db: Db, id: string, now: number): Promise<boolean> {
  const failed = db.updateTable('mails').where('id', '=', id).where('state', '=', 'failed')
  const fresh = { state: 'waiting' as const, due_at: now, refusals: 0, created_at: now }
  return changed(failed.set(fresh))
}

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

export function sweep(
  db: Db,
  { sentUntil, failedUntil, ...size }: SweepSize & { sentUntil: number; failedUntil: number },
): Promise<number> {
  const ended = db
    .selectFrom('mails')
    .select('id')
    .where(({ and, eb, or }) =>
      or([
        and([eb('state', '=', 'sent'), eb('due_at', '<', sentUntil)]),
        and([eb('state', '=', 'failed'), eb('due_at', '<', failedUntil)]),
      ]),
    )
  return sweepRows(db, 'mails', ended, size)
}

export interface EncryptedMails {
  facts: string
  prepared: string
  count: number
}

export async function countsByKey(db: Db): Promise<EncryptedMails[]> {
  const rows = await db
    .selectFrom('mails')
    .select([
      sql<string>`substr(facts, 1, 6)`.as('facts_of'),
      sql<string>`substr(prepared, 1, 6)`.as('prepared_of'),
    ])
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('state', 'in', ['waiting', 'failed'])
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
