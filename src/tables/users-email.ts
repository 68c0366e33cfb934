import { changed } from '../database/statement.js'
import type { Db } from './schema.js'

// The space keeps it different from the key of any typed address.
export function unclaimedKey(userId: string): string {
  return `unconfirmed ${userId}`
}

// Begins with a space, so that no search for the beginning of an address finds it.
export function noEmailKey(userId: string): string {
  return ` none ${userId}`
}

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

export async function correctEmail(
  db: Db,
  userId: string,
  { email, emailKey, now }: { email: string; emailKey: string; now: number },
): Promise<boolean> {
  return changed(
    db
      .updateTable('users')
      .set({ email, email_key: emailKey, email_at: now, updated_at: now })
      .where('id', '=', userId)
      .where('email_confirmed_at', 'is', null),
  )
}

export async function setNextEmail(
  db: Db,
  userId: string,
  { nextEmail, now }: { nextEmail: string | null; now: number },
): Promise<boolean> {
  return changed(
    db.updateTable('users').set({ next_email: nextEmail, updated_at: now }).where('id', '=', userId),
  )
}

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
        email_at: now,
        confirm_by: null,
        next_email: null,
        updated_at: now,
      })
      .where('id', '=', userId)
      .$if(wanted, (update) => update.where('next_email', '=', email)),
  )
}

/** Users whose email address belongs to another account, too (migration 0014). */
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
