import { isServer, skipLocked } from '../database/dialect.js'
import type { Db } from './schema.js'
import type { Owned } from './sessions.js'

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
