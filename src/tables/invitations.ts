import { sql } from '../database/kysely.js'
import { type SweepSize, sweepRows } from '../database/sweep.js'
import type { Actor } from './events.js'
import type { Db } from './schema.js'

export interface InvitationsTable {
  /** SHA-256 of the token, base64url, so that a stolen database opens nothing. */
  hash: string
  email: string
  email_key: string
  invited_by: Actor
  created_at: number
  expires_at: number
}

export interface Invitation {
  hash: string
  email: string
  emailKey: string
  invitedBy: Actor
}

/** Replaces an earlier invitation of the address. */
export async function insert(
  db: Db,
  { hash, email, emailKey, invitedBy }: Invitation,
  { now, expiresAt }: { now: number; expiresAt: number },
): Promise<void> {
  const row = { hash, email, invited_by: invitedBy, created_at: now, expires_at: expiresAt }
  await db
    .insertInto('invitations')
    .values({ ...row, email_key: emailKey })
    .onConflict((conflict) => conflict.column('email_key').doUpdateSet(row))
    .execute()
}

export interface OpenInvitation {
  email: string
  /** For `after`. */
  key: string
  invitedBy: Actor
  /** The admin's username; null for others. */
  byName: string | null
  createdAt: number
  expiresAt: number
}

/** By address. */
export async function open(
  db: Db,
  { now, after, limit }: { now: number; after: string | undefined; limit: number },
): Promise<OpenInvitation[]> {
  return await db
    .selectFrom('invitations')
    .leftJoin('users', (join) =>
      join.on('users.id', '=', sql<string>`substr(invitations.invited_by, ${'admin:'.length + 1})`),
    )
    .select(['invitations.email', 'invitations.email_key as key', 'invitations.invited_by as invitedBy'])
    .select(['invitations.created_at as createdAt', 'invitations.expires_at as expiresAt'])
    .select('users.name as byName')
    .where('invitations.expires_at', '>', now)
    .$if(after !== undefined, (rows) => rows.where('invitations.email_key', '>', after ?? ''))
    .orderBy('invitations.email_key')
    .limit(limit)
    .execute()
}

export async function withdraw(db: Db, emailKey: string): Promise<boolean> {
  const gone = await db
    .deleteFrom('invitations')
    .where('email_key', '=', emailKey)
    .returning('hash')
    .execute()
  return gone.length > 0
}

export async function byHash(db: Db, hash: string, now: number): Promise<Invitation | undefined> {
  return await db
    .selectFrom('invitations')
    .select(['hash', 'email', 'email_key as emailKey', 'invited_by as invitedBy'])
    .where('hash', '=', hash)
    .where('expires_at', '>', now)
    .executeTakeFirst()
}

export async function exists(db: Db, hash: string): Promise<boolean> {
  const row = await db.selectFrom('invitations').select('hash').where('hash', '=', hash).executeTakeFirst()
  return row !== undefined
}

/** Of parallel calls one succeeds. */
export async function use(db: Db, hash: string, now: number): Promise<boolean> {
  const used = await db
    .deleteFrom('invitations')
    .where('hash', '=', hash)
    .where('expires_at', '>', now)
    .returning('hash')
    .execute()
  return used.length > 0
}

export function sweep(db: Db, { now, ...size }: SweepSize & { now: number }): Promise<number> {
  const expired = db.selectFrom('invitations').select('hash').where('expires_at', '<=', now)
  return sweepRows(db, 'invitations', expired, size)
}
