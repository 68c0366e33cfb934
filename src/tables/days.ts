import { sql } from '../database/kysely.js'
import type { Db } from './schema.js'

export const COUNTED = ['signed_up', 'logged_in', 'login_failed'] as const

export type Counted = (typeof COUNTED)[number]

export interface DaysTable {
  /** A day in UTC and what is counted, such as `2026-01-31 logged_in`. */
  key: string
  count: number
}

export function dayOf(at: number): string {
  return new Date(at).toISOString().slice(0, 10)
}

export function keyOf(at: number, kind: Counted): string {
  return `${dayOf(at)} ${kind}`
}

/** Adds them in one statement. */
export async function add(db: Db, counts: ReadonlyMap<string, number>): Promise<void> {
  if (counts.size === 0) return
  await db
    .insertInto('days')
    .values([...counts].map(([key, count]) => ({ key, count })))
    .onConflict((conflict) => conflict.column('key').doUpdateSet({ count: sql`days.count + excluded.count` }))
    .execute()
}

/** Returns the counts from a day on, by their keys. */
export async function since(db: Db, day: string): Promise<Map<string, number>> {
  const rows = await db.selectFrom('days').selectAll().where('key', '>=', day).execute()
  return new Map(rows.map(({ key, count }) => [key, count]))
}
