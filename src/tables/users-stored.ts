import type { Db } from './schema.js'
import { USER_COLUMNS, type User, userOf } from './users.js'

/** Everything about a user but secrets. Times are UTC milliseconds. */
export interface StoredUser extends User {
  /** When the account is deleted unless the email address is confirmed; null if never. */
  confirmBy: number | null
  updatedAt: number
  /** Since when the account is closed by its owner; null if it is not. */
  closedAt: number | null
  /** When a closed account is deleted. */
  eraseAt: number | null
  /** Since when nobody can log in; null if the account is enabled. */
  disabledAt: number | null
  /** Language of emails; null if it is not known yet. */
  language: string | null
  /** When the password was last changed or reset; null if not since the account was created. */
  passwordAt: number | null
  /** False if only passkeys open the account, or until a new password is chosen by email. */
  hasPassword: boolean
  /** The same for the email address. */
  emailAt: number | null
}

export async function stored(db: Db, id: string): Promise<StoredUser | undefined> {
  return (await storedUsers(db, 'id', [id]))[0]
}

export async function storedUsers(
  db: Db,
  by: 'id' | 'name_key' | 'email_key',
  values: readonly string[],
): Promise<StoredUser[]> {
  if (values.length === 0) return []
  const rows = await db
    .selectFrom('users')
    .select(USER_COLUMNS)
    .select(['confirm_by', 'updated_at', 'closed_at', 'erase_at', 'disabled_at', 'language'])
    .select(['password_at', 'password_hash', 'email_at'])
    .where(by, 'in', values)
    .execute()
  return rows.map((row) => ({
    ...userOf(row),
    confirmBy: row.confirm_by,
    updatedAt: row.updated_at,
    closedAt: row.closed_at,
    eraseAt: row.erase_at,
    disabledAt: row.disabled_at,
    language: row.language,
    passwordAt: row.password_at,
    hasPassword: row.password_hash !== '',
    emailAt: row.email_at,
  }))
}
