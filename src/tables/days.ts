import { sql } from '../database/kysely.js'
import { type SweepSize, sweepRows } from '../database/sweep.js'
import type { Db } from './schema.js'

export const DAY_KINDS = ['signed_up', 'logged_in', 'login_failed', 'mail_failed'] as const

export type DayKind = (typeof DAY_KINDS)[number]

export interface DaysTable {
  id: string
  day: string
  kind: DayKind
  count: number
}

export type DayCount = Omit<DaysTable, 'id'>

export function dayOf(at: number): string {
  return new Date(at).toISOString().slice(0, 10)
}

export async function add(db: Db, counts: readonly DayCount[]): Promise<void> {
  // Sorted, because two processes would deadlock otherwise.
  const rows = counts.map((one) => ({ id: `${one.day} ${one.kind}`, ...one })).sort(byId)
  await db
    .insertInto('days')
    .values(rows)
    .onConflict((conflict) => conflict.column('id').doUpdateSet({ count: sql`days.count + excluded.count` }))
    .execute()
}

function byId(one: DaysTable, other: DaysTable): number {
  return one.id < other.id ? -1 : 1
}

export async function since(db: Db, day: string): Promise<DayCount[]> {
  return await db.selectFrom('days').select(['day', 'kind', 'count']).where('day', '>=', day).execute()
}

export function sweep(db: Db, { until, ...size }: SweepSize & { until: string }): Promise<number> {
  return sweepRows(db, 'days', db.selectFrom('days').select('id').where('day', '<', until), size)
}
