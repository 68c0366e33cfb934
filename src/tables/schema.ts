import type { Kysely } from 'kysely'
import { KEYS } from '../../db/migrations/index.js'
import * as opening from '../database/open.js'
import type { ErasuresTable } from './erasures.js'
import type { EventsTable } from './events.js'
import type { KeysTable } from './keys.js'
import type { LimitsTable } from './limits.js'
import type { MailsTable } from './mails.js'
import type { SessionsTable } from './sessions.js'
import type { SlugsTable } from './slugs.js'
import type { TokensTable } from './tokens.js'
import type { UsersTable } from './users.js'

export interface Schema {
  users: UsersTable
  slugs: SlugsTable
  sessions: SessionsTable
  events: EventsTable
  limits: LimitsTable
  mails: MailsTable
  tokens: TokensTable
  keys: KeysTable
  erasures: ErasuresTable
}

// A table that is missing in the list would be missing in copies, too.
KEYS satisfies { [Table in keyof Schema]: keyof Schema[Table] }

/**
 * A transaction as a host sees it: `withTables<…>()` of Kysely makes its own tables known to it. Ours are ours: they may
 * change with every version.
 */
export type Transaction = Kysely<Schema>

/** What a verb of `tables/` asks: the database, or a transaction on it. */
export type Db = Kysely<Schema>

export type Database = opening.Database<Schema>

export const openDatabase = opening.openDatabase<Schema>
