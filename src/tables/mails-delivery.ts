import { isServer, skipLocked } from '../database/dialect.js'
import { changed } from '../database/statement.js'
import { mailOf, type StoredMail } from './mails.js'
import type { Db } from './schema.js'

export type ClaimedMail = Pick<StoredMail, 'id' | 'tries'>

/** Claims due emails for `lease` milliseconds. After that another process may claim them. */
export async function claim(
  db: Db,
  {
    now,
    lease,
    limit,
    except = [],
  }: { now: number; lease: number; limit: number; except?: readonly string[] },
): Promise<StoredMail[]> {
  const rows = await db
    // Otherwise PostgreSQL may evaluate it for each row and exceed the limit.
    .with(
      (cte) => cte('due').materialized(),
      () => due(db, now, except).limit(limit).$if(isServer(db), skipLocked),
    )
    .updateTable('mails')
    .set(({ eb }) => ({ due_at: now + lease, tries: eb('tries', '+', 1) }))
    .where('id', 'in', (mails) => mails.selectFrom('due').select('id'))
    .returningAll()
    .execute()
  return rows.map(mailOf)
}

export async function isAnyDue(
  db: Db,
  { now, except = [] }: { now: number; except?: readonly string[] },
): Promise<boolean> {
  return (await due(db, now, except).limit(1).executeTakeFirst()) !== undefined
}

function due(db: Db, now: number, except: readonly string[]) {
  return db
    .selectFrom('mails')
    .select('id')
    .where('state', '=', 'waiting')
    .where('due_at', '<=', now)
    .$if(except.length > 0, (mails) => mails.where('id', 'not in', except))
    .orderBy('due_at')
}

/** Returns false if another process has claimed the email. */
export async function extendLease(db: Db, mail: ClaimedMail, until: number): Promise<boolean> {
  return changed(claimed(db, mail).set({ due_at: until }))
}

export async function prepare(
  db: Db,
  mail: ClaimedMail,
  { userId, prepared }: { userId: string | null; prepared: string },
): Promise<boolean> {
  return changed(claimed(db, mail).set({ user_id: userId, prepared }))
}

export async function sent(
  db: Db,
  mail: ClaimedMail,
  { now, facts = '' }: { now: number; facts?: string },
): Promise<void> {
  await claimed(db, mail).set({ state: 'sent', due_at: now, facts, prepared: '', problem: '' }).execute()
}

export async function retry(
  db: Db,
  mail: ClaimedMail,
  { dueAt, refusals, problem }: { dueAt: number; refusals: number; problem: string },
): Promise<void> {
  await claimed(db, mail).set({ due_at: dueAt, refusals, problem }).execute()
}

export async function markFailed(
  db: Db,
  mail: ClaimedMail,
  { now, refusals, problem }: { now: number; refusals: number; problem: string },
): Promise<boolean> {
  const failed = { state: 'failed' as const, due_at: now, prepared: '', refusals, problem }
  return changed(claimed(db, mail).set(failed))
}

export async function remove(db: Db, { id, tries }: ClaimedMail): Promise<void> {
  await db.deleteFrom('mails').where('id', '=', id).where('tries', '=', tries).execute()
}

function claimed(db: Db, { id, tries }: ClaimedMail) {
  return db
    .updateTable('mails')
    .where('id', '=', id)
    .where('state', '=', 'waiting')
    .where('tries', '=', tries)
}

export interface Backlog {
  count: number
  oldest: number | null
}

export async function backlog(db: Db, now: number): Promise<Backlog> {
  const { count, oldest } = await db
    .selectFrom('mails')
    .select(({ fn }) => [fn.countAll<number>().as('count'), fn.min<number | null>('created_at').as('oldest')])
    .where('state', '=', 'waiting')
    .where('created_at', '<=', now)
    .executeTakeFirstOrThrow()
  return { count, oldest }
}
