import { isServer, skipLocked } from '../database/dialect.js'
import { changed } from '../database/statement.js'
import type { Db } from './schema.js'
import { USER_COLUMNS, type User, userOf } from './users.js'

/** Closes the account, which is erased at `eraseAt`; answers false if it was closed before. */
export async function close(
  db: Db,
  userId: string,
  { now, eraseAt }: { now: number; eraseAt: number },
): Promise<boolean> {
  return changed(
    db
      .updateTable('users')
      .set({ closed_at: now, erase_at: eraseAt, updated_at: now })
      .where('id', '=', userId)
      .where('closed_at', 'is', null),
  )
}

/** Opens the account again; answers false if it was open, or is gone. */
export async function reopen(db: Db, userId: string, now: number): Promise<boolean> {
  return changed(
    db
      .updateTable('users')
      .set({ closed_at: null, erase_at: null, updated_at: now })
      .where('id', '=', userId)
      .where('closed_at', 'is not', null),
  )
}

/** Lets nobody in any more; answers false if nobody was let in before. */
export async function disable(db: Db, userId: string, now: number): Promise<boolean> {
  return changed(
    db
      .updateTable('users')
      .set({ disabled_at: now, updated_at: now })
      .where('id', '=', userId)
      .where('disabled_at', 'is', null),
  )
}

/** Lets its owner in again; answers false if they were let in before. */
export async function enable(db: Db, userId: string, now: number): Promise<boolean> {
  return changed(
    db
      .updateTable('users')
      .set({ disabled_at: null, updated_at: now })
      .where('id', '=', userId)
      .where('disabled_at', 'is not', null),
  )
}

/** Erases a user and all that is theirs, from every table; answers false if there is no such user. */
export async function erase(db: Db, userId: string): Promise<boolean> {
  const { numDeletedRows } = await db.deleteFrom('users').where('id', '=', userId).executeTakeFirst()
  return numDeletedRows > 0n
}

/** The user, whom nobody changes before the transaction ends. */
export async function lock(db: Db, id: string): Promise<User | undefined> {
  const row = await locked(db, id).executeTakeFirst()
  return row && userOf(row)
}

/** The same, if the address is this and was never confirmed. */
export async function lockUnconfirmed(db: Db, id: string, email: string): Promise<User | undefined> {
  const row = await locked(db, id)
    .where('email', '=', email)
    .where('email_confirmed_at', 'is', null)
    .executeTakeFirst()
  return row && userOf(row)
}

/** The same, if the account has ended; nobody if another node has it just now. */
export async function lockEnded(db: Db, id: string, now: number): Promise<User | undefined> {
  const row = await locked(db, id)
    .where(({ eb, or }) => or([eb('confirm_by', '<=', now), eb('erase_at', '<=', now)]))
    .$if(isServer(db), skipLocked)
    .executeTakeFirst()
  return row && userOf(row)
}

function locked(db: Db, id: string) {
  return db
    .selectFrom('users')
    .select(USER_COLUMNS)
    .where('users.id', '=', id)
    .$if(isServer(db), (user) => user.forUpdate())
}

/** Of those who closed their account, or did not confirm it, long enough ago: `batch` at most behind the first `skip`. */
export async function ended(
  db: Db,
  { now, batch, skip }: { now: number; batch: number; skip: number },
): Promise<string[]> {
  const rows = await db
    .selectFrom('users')
    .select('id')
    .where(({ eb, or }) => or([eb('confirm_by', '<=', now), eb('erase_at', '<=', now)]))
    .limit(batch)
    .offset(skip)
    .execute()
  return rows.map(({ id }) => id)
}
