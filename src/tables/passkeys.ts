import { changed } from '../database/statement.js'
import type { Db } from './schema.js'

export interface PasskeysTable {
  /** Credential id, base64url. */
  id: string
  user_id: string
  /** COSE key, base64url. */
  public_key: string
  /** 0 for a synced passkey, because each device has a counter of its own. */
  counter: number
  backup_eligible: number
  backed_up: number
  verified_at_creation: number
  /** Separated by spaces. */
  transports: string
  aaguid: string
  rp_id: string
  name: string
  created_at: number
  used_at: number | null
}

export interface Passkey {
  id: string
  userId: string
  publicKey: string
  counter: number
  isBackupEligible: boolean
  isBackedUp: boolean
  wasVerified: boolean
  transports: readonly string[]
  aaguid: string
  rpId: string
  name: string
  createdAt: number
  usedAt: number | null
}

export async function byId(db: Db, id: string): Promise<Passkey | undefined> {
  const row = await db.selectFrom('passkeys').select(COLUMNS).where('id', '=', id).executeTakeFirst()
  return row && passkeyOf(row)
}

/** Oldest first. */
export async function ofUser(db: Db, userId: string): Promise<Passkey[]> {
  const rows = await db
    .selectFrom('passkeys')
    .select(COLUMNS)
    .where('user_id', '=', userId)
    .orderBy('created_at')
    .orderBy('id')
    .execute()
  return rows.map(passkeyOf)
}

export async function add(db: Db, passkey: Passkey): Promise<boolean> {
  const added = await db
    .insertInto('passkeys')
    .values({
      id: passkey.id,
      user_id: passkey.userId,
      public_key: passkey.publicKey,
      counter: passkey.counter,
      backup_eligible: passkey.isBackupEligible ? 1 : 0,
      backed_up: passkey.isBackedUp ? 1 : 0,
      verified_at_creation: passkey.wasVerified ? 1 : 0,
      transports: passkey.transports.join(' '),
      aaguid: passkey.aaguid,
      rp_id: passkey.rpId,
      name: passkey.name,
      created_at: passkey.createdAt,
      used_at: passkey.usedAt,
    })
    .onConflict((conflict) => conflict.column('id').doNothing())
    .returning('id')
    .execute()
  return added.length > 0
}

/** Returns false if it was removed, or if its counter has not grown (WebAuthn 6.1.1). */
export async function use(
  db: Db,
  { id, counter, isBackedUp, now }: { id: string; counter: number; isBackedUp: boolean; now: number },
): Promise<boolean> {
  return changed(
    db
      .updateTable('passkeys')
      .set({ counter, backed_up: isBackedUp ? 1 : 0, used_at: now })
      .where('id', '=', id)
      .where('counter', counter === 0 ? '=' : '<', counter),
  )
}

/** Whether one passkey of this domain verifies its user, and so is both steps of a login. */
export async function hasVerified(db: Db, userId: string, rpId: string): Promise<boolean> {
  const row = await db
    .selectFrom('passkeys')
    .select('id')
    .where('user_id', '=', userId)
    .where('rp_id', '=', rpId)
    .where('verified_at_creation', '=', 1)
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}

export interface Owned {
  id: string
  userId: string
}

export async function setName(db: Db, { id, userId }: Owned, name: string): Promise<boolean> {
  return changed(db.updateTable('passkeys').set({ name }).where('id', '=', id).where('user_id', '=', userId))
}

export async function remove(db: Db, { id, userId }: Owned): Promise<boolean> {
  const removed = await db
    .deleteFrom('passkeys')
    .where('id', '=', id)
    .where('user_id', '=', userId)
    .returning('id')
    .execute()
  return removed.length > 0
}

export async function removeAll(db: Db, userId: string): Promise<void> {
  await db.deleteFrom('passkeys').where('user_id', '=', userId).execute()
}

export async function countOfOtherDomains(db: Db, rpId: string): Promise<number> {
  const { count } = await db
    .selectFrom('passkeys')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('rp_id', '!=', rpId)
    .executeTakeFirstOrThrow()
  return count
}

const COLUMNS = [
  'id',
  'user_id',
  'public_key',
  'counter',
  'backup_eligible',
  'backed_up',
  'verified_at_creation',
  'transports',
  'aaguid',
  'rp_id',
  'name',
  'created_at',
  'used_at',
] as const

function passkeyOf(row: PasskeysTable): Passkey {
  return {
    id: row.id,
    userId: row.user_id,
    publicKey: row.public_key,
    counter: row.counter,
    isBackupEligible: row.backup_eligible === 1,
    isBackedUp: row.backed_up === 1,
    wasVerified: row.verified_at_creation === 1,
    transports: row.transports.split(' ').filter(Boolean),
    aaguid: row.aaguid,
    rpId: row.rp_id,
    name: row.name,
    createdAt: row.created_at,
    usedAt: row.used_at,
  }
}
