import { changed } from '../database/statement.js'
import type { Db } from './schema.js'
import { type Owned, PLACE_COLUMNS, SESSION_COLUMNS, type Session, sessionOf } from './sessions.js'

export interface Device extends Session {
  name: string | null
  userAgent: string
  address: string
  lastUserAgent: string | null
  lastAddress: string | null
  /** Last use from another network with another browser at once; null if never. */
  jumpedAt: number | null
  jumpUserAgent: string | null
  jumpAddress: string | null
}

export async function ofUser(db: Db, userId: string, now: number): Promise<Device[]> {
  const rows = await db
    .selectFrom('sessions')
    .select(SESSION_COLUMNS)
    .select(PLACE_COLUMNS)
    .select(['device_name', 'jump_user_agent', 'jump_address'])
    .where('user_id', '=', userId)
    .where('expires_at', '>', now)
    .orderBy('last_seen_at', 'desc')
    .orderBy('session_id')
    .execute()
  return rows.map((row) => ({
    ...sessionOf(row),
    name: row.device_name,
    userAgent: row.user_agent,
    address: row.address,
    lastUserAgent: row.last_user_agent,
    lastAddress: row.last_address,
    jumpedAt: row.jumped_at,
    jumpUserAgent: row.jump_user_agent,
    jumpAddress: row.jump_address,
  }))
}

export async function rename(db: Db, { id, userId }: Owned, name: string | null): Promise<boolean> {
  return changed(
    db.updateTable('sessions').set({ device_name: name }).where('id', '=', id).where('user_id', '=', userId),
  )
}

export async function setDevice(db: Db, { id, userId }: Owned, device: string): Promise<void> {
  await db
    .updateTable('sessions')
    .set({ device })
    .where('id', '=', id)
    .where('user_id', '=', userId)
    .execute()
}
