import { type SweepSize, sweepRows } from '../database/sweep.js'
import type { Db } from './schema.js'

export interface SpentChallengesTable {
  /** SHA-256 of the challenge, or of the fingerprint of a form that deleted its account, base64url. */
  hash: string
  expires_at: number
}

export async function spend(
  db: Db,
  { hash, expiresAt }: { hash: string; expiresAt: number },
): Promise<boolean> {
  const stored = await db
    .insertInto('spent_challenges')
    .values({ hash, expires_at: expiresAt })
    .onConflict((conflict) => conflict.column('hash').doNothing())
    .returning('hash')
    .execute()
  return stored.length > 0
}

export async function isSpent(db: Db, { hash, now }: { hash: string; now: number }): Promise<boolean> {
  const row = await db
    .selectFrom('spent_challenges')
    .select('hash')
    .where('hash', '=', hash)
    .where('expires_at', '>', now)
    .executeTakeFirst()
  return row !== undefined
}

export function sweep(db: Db, { now, ...size }: SweepSize & { now: number }): Promise<number> {
  const expired = db.selectFrom('spent_challenges').select('hash').where('expires_at', '<=', now)
  return sweepRows(db, 'spent_challenges', expired, size)
}
