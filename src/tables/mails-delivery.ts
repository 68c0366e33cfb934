import { isServer, skipLocked } from '../database/dialect.js'
import { changed } from '../database/statement.js'
import { mailOf, type StoredMail } from './mails.js'
import type { Db } from './schema.js'

/** A mail as it was taken. */
export type TakenMail = Pick<StoredMail, 'id' | 'tries'>

/**
 * Takes mails that are due, but those of `except`, for `lease` milliseconds: no other process gets them meanwhile, and after
 * that any may, for the one that had them is gone.
 */
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
    // Materialized: PostgreSQL may look again for each row otherwise, and take more than so many.
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

/** Whether a mail is due, but those of `except`. */
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

/** Keeps a mail that was taken for so long, while it is being sent; answers false if somebody else has it by now. */
export async function hold(db: Db, mail: TakenMail, until: number): Promise<boolean> {
  return changed(taken(db, mail).set({ due_at: until }))
}

/** Notes what the first try has found out, for all that follow; answers false if somebody else has it by now. */
export async function prepare(
  db: Db,
  mail: TakenMail,
  { userId, prepared }: { userId: string; prepared: string },
): Promise<boolean> {
  return changed(taken(db, mail).set({ user_id: userId, prepared }))
}

/** The server has it. What it said is forgotten; `facts` is what may be kept of it, sealed. */
export async function sent(
  db: Db,
  mail: TakenMail,
  { now, facts = '' }: { now: number; facts?: string },
): Promise<void> {
  await taken(db, mail).set({ state: 'sent', due_at: now, facts, prepared: '', problem: '' }).execute()
}

/** It is tried again at `dueAt`. */
export async function retry(
  db: Db,
  mail: TakenMail,
  { dueAt, refusals, problem }: { dueAt: number; refusals: number; problem: string },
): Promise<void> {
  await taken(db, mail).set({ due_at: dueAt, refusals, problem }).execute()
}

/** It is given up; its facts stay for the maintainer, its token does not. */
export async function bury(
  db: Db,
  mail: TakenMail,
  { now, refusals, problem }: { now: number; refusals: number; problem: string },
): Promise<boolean> {
  const dead = { state: 'dead' as const, due_at: now, prepared: '', refusals, problem }
  return changed(taken(db, mail).set(dead))
}

/** There is nobody to whom it could be sent. */
export async function remove(db: Db, { id, tries }: TakenMail): Promise<void> {
  await db.deleteFrom('mails').where('id', '=', id).where('tries', '=', tries).execute()
}

function taken(db: Db, { id, tries }: TakenMail) {
  return db
    .updateTable('mails')
    .where('id', '=', id)
    .where('state', '=', 'waiting')
    .where('tries', '=', tries)
}

/** What waits to be sent. */
export interface Backlog {
  count: number
  /** When the oldest of it was written, UTC milliseconds; null if nothing waits. */
  oldest: number | null
}

export async function backlog(db: Db): Promise<Backlog> {
  const { count, oldest } = await db
    .selectFrom('mails')
    .select(({ fn }) => [fn.countAll<number>().as('count'), fn.min<number | null>('created_at').as('oldest')])
    .where('state', '=', 'waiting')
    .executeTakeFirstOrThrow()
  return { count, oldest }
}
