import type { Kysely } from 'kysely'
import { KEYS } from '../../db/migrations/index.js'
import * as opening from '../database/open.js'
import type { AuthenticatorAppsTable } from './authenticator-apps.js'
import type { DaysTable } from './days.js'
import type { ErasuresTable } from './erasures.js'
import type { EventsTable } from './events.js'
import type { ImportsTable } from './imports.js'
import type { InvitationsTable } from './invitations.js'
import type { KeysTable } from './keys.js'
import type { LimitsTable } from './limits.js'
import type { MailsTable } from './mails.js'
import type { OperatorActionsTable } from './operator-actions.js'
import type { PasskeysTable } from './passkeys.js'
import type { RecoveryCodesTable, RecoverySetsTable } from './recovery-codes.js'
import type { SessionsTable } from './sessions.js'
import type { SlugsTable } from './slugs.js'
import type { SpentChallengesTable } from './spent-challenges.js'
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
  authenticator_apps: AuthenticatorAppsTable
  recovery_sets: RecoverySetsTable
  recovery_codes: RecoveryCodesTable
  passkeys: PasskeysTable
  spent_challenges: SpentChallengesTable
  operator_actions: OperatorActionsTable
  imports: ImportsTable
  invitations: InvitationsTable
  days: DaysTable
}

// A copy of the database contains only the tables in KEYS.
KEYS satisfies { [Table in keyof Schema]: keyof Schema[Table] }

/** A transaction on Gatehouse's database. Kysely's `withTables<…>()` adds your tables.
 * Gatehouse's tables may change with every version. */
export type Transaction = Kysely<Schema>

export type Db = Kysely<Schema>

export type Database = opening.Database<Schema>

export const openDatabase = opening.openDatabase<Schema>
