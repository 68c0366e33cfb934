import type { Kysely } from 'kysely'
import type { SessionsTable } from './sessions.js'
import type { SlugsTable } from './slugs.js'
import type { UsersTable } from './users.js'

export interface Schema {
  users: UsersTable
  slugs: SlugsTable
  sessions: SessionsTable
}

/** What a verb of `tables/` asks: the database, or a transaction on it. */
export type Db = Kysely<Schema>
