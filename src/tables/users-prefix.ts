import type { RawBuilder } from 'kysely'
import { isServer } from '../database/dialect.js'
import { sql } from '../database/kysely.js'
import type { Db } from './schema.js'
import { type ListedUser, listed, listedOf, type UserFilter } from './users-list.js'

export interface FoundUser extends ListedUser {
  /** The username or email address that begins like that, as the list is ordered by it. */
  key: string
}

interface Prefix {
  begins: string
  after: string | undefined
  limit: number
}

/** Users whose username or email address begins like that, in its order. Uses the index of the column. */
export async function beginning(
  db: Db,
  column: 'name_key' | 'email_key',
  { begins, after, limit, ...filter }: Prefix & Pick<UserFilter, 'state' | 'role'>,
): Promise<FoundUser[]> {
  const key = bytesOf(db, column)
  const rows = await listed(db, filter)
    .select(key.as('key'))
    .where(key, '>=', begins)
    .where(key, '<', `${begins}\u{10FFFF}`)
    .$if(after !== undefined, (users) => users.where(key, '>', after ?? ''))
    .orderBy(key)
    .limit(limit)
    .execute()
  return rows.map((row) => ({ ...listedOf(row), key: row.key }))
}

function bytesOf(db: Db, column: 'name_key' | 'email_key'): RawBuilder<string> {
  const ref = sql.ref(`users.${column}`)
  return isServer(db) ? sql<string>`${ref} collate "C"` : sql<string>`${ref}`
}
