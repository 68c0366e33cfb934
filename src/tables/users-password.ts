import { changed } from '../database/statement.js'
import type { Db } from './schema.js'
import { idsIn } from './users.js'

// The password may have changed meanwhile.
export async function rehash(db: Db, userId: string, hashes: { old: string; new: string }): Promise<void> {
  await db
    .updateTable('users')
    .set({ password_hash: hashes.new })
    .where('id', '=', userId)
    .where('password_hash', '=', hashes.old)
    .execute()
}

export interface NewPassword {
  /** '' for no password. */
  passwordHash: string
  now: number
  /** Replaces only this hash, so that one of two parallel changes fails. */
  insteadOf?: string
}

export async function setPassword(
  db: Db,
  userId: string,
  { passwordHash, now, insteadOf }: NewPassword,
): Promise<boolean> {
  return changed(
    db
      .updateTable('users')
      .set({ password_hash: passwordHash, password_at: now, updated_at: now })
      .where('id', '=', userId)
      .$if(insteadOf !== undefined, (update) => update.where('password_hash', '=', insteadOf ?? '')),
  )
}

export async function setDeviceStamp(db: Db, userId: string, deviceStamp: string): Promise<void> {
  await db.updateTable('users').set(stamped(deviceStamp)).where('id', '=', userId).execute()
}

function stamped(deviceStamp: string): { device_stamp: string; ended_devices: string } {
  return { device_stamp: deviceStamp, ended_devices: '' }
}

// If more have ended, all devices of the account are forgotten.
const MAX_ENDED = 40

/** Sets `otherStamp`, which forgets all devices, if the device is unknown or too many have ended. */
export async function endDevice(
  db: Db,
  userId: string,
  { device, otherStamp }: { device: string; otherStamp: string },
): Promise<void> {
  if (device === '') return setDeviceStamp(db, userId, otherStamp)
  const { ended_devices } = await db
    .updateTable('users')
    .set((expression) => ({ ended_devices: expression('ended_devices', '||', `${device} `) }))
    .where('id', '=', userId)
    .returning('ended_devices')
    .executeTakeFirstOrThrow()
  if (idsIn(ended_devices).length > MAX_ENDED) await setDeviceStamp(db, userId, otherStamp)
}

export async function setDeviceStamps(
  db: Db,
  userIds: readonly string[],
  deviceStamp: string,
): Promise<void> {
  await db.updateTable('users').set(stamped(deviceStamp)).where('id', 'in', userIds).execute()
}
