import { changed } from '../database/statement.js'
import type { Db } from './schema.js'
import { idsIn } from './users.js'

/** Replaces a hash that was made with weaker parameters, unless the password was changed in the meantime. */
export async function rehash(db: Db, userId: string, hashes: { old: string; new: string }): Promise<void> {
  await db
    .updateTable('users')
    .set({ password_hash: hashes.new })
    .where('id', '=', userId)
    .where('password_hash', '=', hashes.old)
    .execute()
}

export interface NewPassword {
  /** '' for none that would open the account. */
  passwordHash: string
  now: number
  /** Only in place of this one: of two who change it at once one is told that it was changed. */
  insteadOf?: string
}

/** Another password; answers false if the former one is not `insteadOf` any more. */
export async function setPassword(
  db: Db,
  userId: string,
  { passwordHash, now, insteadOf }: NewPassword,
): Promise<boolean> {
  return changed(
    db
      .updateTable('users')
      .set({ password_hash: passwordHash, updated_at: now })
      .where('id', '=', userId)
      .$if(insteadOf !== undefined, (update) => update.where('password_hash', '=', insteadOf ?? '')),
  )
}

/** Forgets all devices that carry the former stamp. */
export async function setDeviceStamp(db: Db, userId: string, deviceStamp: string): Promise<void> {
  await db.updateTable('users').set(stamped(deviceStamp)).where('id', '=', userId).execute()
}

function stamped(deviceStamp: string): { device_stamp: string; ended_devices: string } {
  return { device_stamp: deviceStamp, ended_devices: '' }
}

/** More are not noted: all devices of the account are forgotten instead. */
const MOST_ENDED = 40

/** Forgets one device; all of them, by `otherStamp`, if it is not known which one it is, or they are too many. */
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
  if (idsIn(ended_devices).length > MOST_ENDED) await setDeviceStamp(db, userId, otherStamp)
}

/** The same for several users, who get one stamp. */
export async function setDeviceStamps(
  db: Db,
  userIds: readonly string[],
  deviceStamp: string,
): Promise<void> {
  await db.updateTable('users').set(stamped(deviceStamp)).where('id', 'in', userIds).execute()
}
