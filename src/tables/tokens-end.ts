import { type SweepSize, sweepRows } from '../database/sweep.js'
import type { Db } from './schema.js'
import type { Purpose, Token } from './tokens.js'

export async function revoke(
  db: Db,
  userId: string,
  purposes: readonly Purpose[],
  { except = '' }: { except?: string } = {},
): Promise<void> {
  await db
    .deleteFrom('tokens')
    .where('user_id', '=', userId)
    .where('purpose', 'in', purposes)
    .where('hash', '!=', except)
    .execute()
}

export async function useAll(db: Db, userId: string, purpose: Purpose, now: number): Promise<void> {
  await db
    .updateTable('tokens')
    .set({ used_at: now, code_mac: null })
    .where('user_id', '=', userId)
    .where('purpose', '=', purpose)
    .where('used_at', 'is', null)
    .execute()
}

export async function revokeLater(db: Db, { userId, purpose, createdAt }: Token): Promise<void> {
  await db
    .deleteFrom('tokens')
    .where('user_id', '=', userId)
    .where('purpose', '=', purpose)
    .where('created_at', '>', createdAt)
    .execute()
}

export function sweep(db: Db, { until, ...size }: SweepSize & { until: number }): Promise<number> {
  const ended = db.selectFrom('tokens').select('hash').where('expires_at', '<', until)
  return sweepRows(db, 'tokens', ended, size)
}
