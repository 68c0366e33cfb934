import type { Kysely } from 'kysely'
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

/**
 * Every table, with what its rows are told apart by; those first to which others refer. So written that the compiler misses
 * a new one.
 */
export const KEYS = {
  users: 'id',
  slugs: 'slug',
  sessions: 'token_hash',
  events: 'id',
  limits: 'key',
  mails: 'id',
  tokens: 'hash',
  keys: 'id',
  erasures: 'id',
} as const satisfies { [Table in keyof Schema]: keyof Schema[Table] }

/**
 * A transaction as a host sees it: `withTables<…>()` of Kysely makes its own tables known to it. Ours are ours: they may
 * change with every version.
 */
export type Transaction = Kysely<Schema>

/** What a verb of `tables/` asks: the database, or a transaction on it. */
export type Db = Kysely<Schema>
