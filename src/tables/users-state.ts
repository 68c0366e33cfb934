import { isServer, skipLocked } from '../database/dialect.js'
import { changed } from '../database/statement.js'
import type { Db } from './schema.js'
import { havingRole, USER_COLUMNS, type User, userOf } from './users.js'

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

export async function reopen(db: Db, userId: string, now: number): Promise<boolean> {
  return changed(
    db
      .updateTable('users')
      .set({ closed_at: null, erase_at: null, updated_at: now })
      .where('id', '=', userId)
      .where('closed_at', 'is not', null),
  )
}

export async function disable(db: Db, userId: string, now: number): Promise<boolean> {
  return changed(
    db
      .updateTable('users')
      .set({ disabled_at: now, updated_at: now })
      .where('id', '=', userId)
      .where('disabled_at', 'is', null),
  )
}

export async function enable(db: Db, userId: string, now: number): Promise<boolean> {
  return changed(
    db
      .updateTable('users')
      .set({ disabled_at: null, updated_at: now })
      .where('id', '=', userId)
      .where('disabled_at', 'is not', null),
  )
}

export async function startSecondStep(db: Db, userId: string, now: number): Promise<boolean> {
  return changed(
    db
      .updateTable('users')
      .set({ second_step_at: now, updated_at: now })
      .where('id', '=', userId)
      .where('second_step_at', 'is', null),
  )
}

export async function endSecondStep(db: Db, userId: string, now: number): Promise<boolean> {
  return changed(
    db
      .updateTable('users')
      .set({ second_step_at: null, second_ends_at: null, updated_at: now })
      .where('id', '=', userId)
      .where('second_step_at', 'is not', null),
  )
}

/** Returns false if it is off, or if an end is set after `lapsedAt`. */
export async function setSecondEnd(
  db: Db,
  userId: string,
  { endsAt, lapsedAt, now }: { endsAt: number; lapsedAt: number; now: number },
): Promise<boolean> {
  return changed(
    db
      .updateTable('users')
      .set({ second_ends_at: endsAt, updated_at: now })
      .where('id', '=', userId)
      .where('second_step_at', 'is not', null)
      .where(({ eb, or }) => or([eb('second_ends_at', 'is', null), eb('second_ends_at', '<=', lapsedAt)])),
  )
}

/** Returns false if no end is set after `lapsedAt`. */
export async function clearSecondEnd(
  db: Db,
  userId: string,
  { lapsedAt = 0, now }: { lapsedAt?: number; now: number },
): Promise<boolean> {
  return changed(
    db
      .updateTable('users')
      .set({ second_ends_at: null, updated_at: now })
      .where('id', '=', userId)
      .where('second_ends_at', '>', lapsedAt),
  )
}

export interface SecondCount {
  all: number
  on: number
}

/** Counts open accounts. A passkey of this domain that verifies its user counts as a second step. */
export async function countSeconds(
  db: Db,
  { rpId, role }: { rpId: string; role?: string | undefined },
): Promise<SecondCount> {
  const row = await db
    .selectFrom('users')
    .select(({ fn, exists, or, eb, selectFrom }) => [
      fn.countAll<number>().as('all'),
      fn
        .countAll<number>()
        .filterWhere(
          or([
            eb('second_step_at', 'is not', null),
            exists(
              selectFrom('passkeys')
                .select('id')
                .whereRef('user_id', '=', 'users.id')
                .where('rp_id', '=', rpId)
                .where('verified_at_creation', '=', 1),
            ),
          ]),
        )
        .as('on'),
    ])
    .where('closed_at', 'is', null)
    .where('disabled_at', 'is', null)
    .$if(role !== undefined, (users) => users.where(havingRole(role ?? '')))
    .executeTakeFirstOrThrow()
  return row
}

export async function erase(db: Db, userId: string): Promise<boolean> {
  const { numDeletedRows } = await db.deleteFrom('users').where('id', '=', userId).executeTakeFirst()
  return numDeletedRows > 0n
}

export async function lockToErase(db: Db, id: string): Promise<User | undefined> {
  const row = await lockedUser(db, id).executeTakeFirst()
  return row && userOf(row)
}

export async function lockUnconfirmed(db: Db, id: string, email: string): Promise<User | undefined> {
  const row = await lockedUser(db, id)
    .where('email', '=', email)
    .where('email_confirmed_at', 'is', null)
    .executeTakeFirst()
  return row && userOf(row)
}

/** Returns undefined if another node has it locked. */
export async function lockExpired(db: Db, id: string, now: number): Promise<User | undefined> {
  const row = await lockedUser(db, id)
    .where(({ eb, or }) => or([eb('confirm_by', '<=', now), eb('erase_at', '<=', now)]))
    .$if(isServer(db), skipLocked)
    .executeTakeFirst()
  return row && userOf(row)
}

function lockedUser(db: Db, id: string) {
  return db
    .selectFrom('users')
    .select(USER_COLUMNS)
    .where('users.id', '=', id)
    .$if(isServer(db), (user) => user.forUpdate())
}

export async function expired(
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
