import { changed } from '../database/statement.js'
import type { Db } from './schema.js'
import type { Owned, Place } from './sessions.js'

/** That a session was used: when, until when it lives on, and where. */
export interface Use extends Place {
  id: string
  now: number
  expiresAt: number
}

/** Notes that the session was used, which also moves its end. */
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

/** The same of a use that is a jump; answers false if one was noted after `since` already, or the session has ended. */
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

export interface Renewal {
  formerHash: string
  tokenHash: string
  now: number
  /** The fingerprint of the form that did it, if its second arrival is to be known. */
  form?: string | undefined
}

/** Whether the session was begun, or renewed last, by the form with this fingerprint. */
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

/**
 * Notes that the password was asked for again, and gives the session another token; `formerHash` is that of the token with
 * which this was asked. Answers false if the session has ended.
 */
export async function renew(
  db: Db,
  { id, userId }: Owned,
  { formerHash, tokenHash, now, form }: Renewal,
): Promise<boolean> {
  return changed(
    db
      .updateTable('sessions')
      .set({
        token_hash: tokenHash,
        former_hash: formerHash,
        renewed_at: now,
        authenticated_at: now,
        ...(form !== undefined && { login_form: form }),
      })
      .where('id', '=', id)
      .where('user_id', '=', userId),
  )
}
