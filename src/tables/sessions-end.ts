import { type SweepSize, sweepRows } from '../database/sweep.js'
import type { Db } from './schema.js'
import type { Owned } from './sessions.js'

export async function close(db: Db, { id, userId }: Owned): Promise<string | undefined> {
  const closed = await db
    .deleteFrom('sessions')
    .where('id', '=', id)
    .where('user_id', '=', userId)
    .returning('device')
    .executeTakeFirst()
  return closed?.device
}

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

export function sweep(db: Db, { now, ...size }: SweepSize & { now: number }): Promise<number> {
  const ended = db.selectFrom('sessions').select('token_hash').where('expires_at', '<=', now)
  return sweepRows(db, 'sessions', ended, size)
}
