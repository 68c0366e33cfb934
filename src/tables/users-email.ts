import { changed } from '../database/statement.js'
import type { Db } from './schema.js'

/** In place of the key of an address that is not the user's yet: nobody can type it, for a space stands in no address. */
export function unclaimedKey(userId: string): string {
  return `unconfirmed ${userId}`
}

/** Notes that the user reads the mails of its address, which so becomes its own; answers false if that is another by now. */
export async function confirmEmail(
  db: Db,
  userId: string,
  { emailKey, email, now }: { emailKey: string; email: string; now: number },
): Promise<boolean> {
  return changed(
    db
      .updateTable('users')
      .set({ email_confirmed_at: now, email_key: emailKey, confirm_by: null, updated_at: now })
      .where('id', '=', userId)
      .where('email', '=', email),
  )
}

/** Gives the user another address that is not confirmed yet, in place of one that is not either. */
export async function correctEmail(
  db: Db,
  userId: string,
  { email, emailKey, now }: { email: string; emailKey: string; now: number },
): Promise<boolean> {
  return changed(
    db
      .updateTable('users')
      .set({ email, email_key: emailKey, updated_at: now })
      .where('id', '=', userId)
      .where('email_confirmed_at', 'is', null),
  )
}

/** Notes to which address the user wants to change; null for none. */
export async function setNextEmail(
  db: Db,
  userId: string,
  { nextEmail, now }: { nextEmail: string | null; now: number },
): Promise<boolean> {
  return changed(
    db.updateTable('users').set({ next_email: nextEmail, updated_at: now }).where('id', '=', userId),
  )
}

/** Changes to an address that its user has proved to read; with `wanted` only if it is the one that is to follow. */
export async function setEmail(
  db: Db,
  userId: string,
  {
    email,
    emailKey,
    now,
    wanted = false,
  }: { email: string; emailKey: string; now: number; wanted?: boolean },
): Promise<boolean> {
  return changed(
    db
      .updateTable('users')
      .set({
        email,
        email_key: emailKey,
        email_confirmed_at: now,
        confirm_by: null,
        next_email: null,
        updated_at: now,
      })
      .where('id', '=', userId)
      .$if(wanted, (update) => update.where('next_email', '=', email)),
  )
}

/** The names of users whose mailbox is somebody else's address, too (migration 0014), `most` of them. */
export async function namesSharing(db: Db, most: number): Promise<string[]> {
  const rows = await db
    .selectFrom('users')
    .select('name')
    .where('email_key', 'like', 'shared %')
    .orderBy('created_at')
    .limit(most)
    .execute()
  return rows.map(({ name }) => name)
}
