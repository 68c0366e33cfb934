import type { RawBuilder } from 'kysely'
import { isServer } from '../database/dialect.js'
import { sql } from '../database/kysely.js'
import type { Db } from './schema.js'
import { type ListedUser, listed, listedOf, type UserFilter } from './users-list.js'

export interface FoundUser extends ListedUser {
  key: string
}

interface Prefix {
  prefix: string
  after: string | undefined
  limit: number
}

export async function withPrefix(
  db: Db,
  column: 'name_key' | 'email_key',
  { prefix, after, limit, ...filter }: Prefix & Pick<UserFilter, 'state' | 'role'>,
): Promise<FoundUser[]> {
  const key = bytesOf(db, column)
  const rows = await listed(db, filter)
    .select(key.as('key'))
    .where(key, '>=', prefix)
    .where(key, '<', `${prefix}\u{10FFFF}`)
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
