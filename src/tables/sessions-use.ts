import { isServer } from '../database/dialect.js'
import { changed } from '../database/statement.js'
import type { Db } from './schema.js'
import type { Owned, Place } from './sessions.js'

export interface Use extends Place {
  id: string
  now: number
  expiresAt: number
}

export async function touch(db: Db, use: Use): Promise<void> {
  await db
    .updateTable('sessions')
    .set(usedNow(use))
    .where('id', '=', use.id)
    .where('last_seen_at', '<', use.now)
    .execute()
}

function usedNow({ now, expiresAt, address, userAgent }: Use) {
  return { last_seen_at: now, expires_at: expiresAt, last_address: address, last_user_agent: userAgent }
}

/** Returns false if a jump was recorded after `since`, or if the session has ended. */
export async function jump(db: Db, use: Use, { since }: { since: number }): Promise<boolean> {
  return changed(
    db
      .updateTable('sessions')
      .set({
        ...usedNow(use),
        jumped_at: use.now,
        jump_address: use.address,
        jump_user_agent: use.userAgent,
      })
      .where('id', '=', use.id)
      .where(({ or, eb }) => or([eb('jumped_at', 'is', null), eb('jumped_at', '<=', since)])),
  )
}

/** Locks the session until the end of the transaction. Returns false if it has ended. */
export async function lock(transaction: Db, { id, userId }: Owned): Promise<boolean> {
  const row = await transaction
    .selectFrom('sessions')
    .select('id')
    .where('id', '=', id)
    .where('user_id', '=', userId)
    .$if(isServer(transaction), (session) => session.forNoKeyUpdate())
    .executeTakeFirst()
  return row !== undefined
}

export interface Renewal {
  formerHash: string
  tokenHash: string
  now: number
  form?: string | undefined
  /** The step that was passed. `before`: a repeated form, which proves nothing new. */
  proved: 'first' | 'second' | 'both' | 'nothing' | 'before'
}

export async function isOfForm(db: Db, { id, userId }: Owned, form: string): Promise<boolean> {
  const row = await db
    .selectFrom('sessions')
    .select('id')
    .where('id', '=', id)
    .where('user_id', '=', userId)
    .where('login_form', '=', form)
    .executeTakeFirst()
  return row !== undefined
}

export async function hasRenewed(
  db: Db,
  { id, userId }: Owned,
  { form, since }: { form: string; since: number },
): Promise<boolean> {
  const row = await db
    .selectFrom('sessions')
    .select('id')
    .where('id', '=', id)
    .where('user_id', '=', userId)
    .where('login_form', '=', form)
    .where('renewed_at', '>=', since)
    .executeTakeFirst()
  return row !== undefined
}

export async function hasBegun(
  db: Db,
  { userId, form, since }: { userId: string; form: string; since: number },
): Promise<boolean> {
  const row = await db
    .selectFrom('sessions')
    .select('id')
    .where('user_id', '=', userId)
    .where('login_form', '=', form)
    .where('created_at', '>=', since)
    .executeTakeFirst()
  return row !== undefined
}

/** Sets a new token. `formerHash` is of the request's token. Returns false if the session has ended. */
export async function renew(
  db: Db,
  { id, userId }: Owned,
  { formerHash, tokenHash, now, form, proved }: Renewal,
): Promise<boolean> {
  return changed(
    db
      .updateTable('sessions')
      .set({
        token_hash: tokenHash,
        former_hash: formerHash,
        ...(proved !== 'before' && { renewed_at: now }),
        ...((proved === 'first' || proved === 'both') && { authenticated_at: now }),
        ...((proved === 'second' || proved === 'both') && { second_at: now }),
        ...(form !== undefined && { login_form: form }),
      })
      .where('id', '=', id)
      .where('user_id', '=', userId),
  )
}
