import type { Kysely } from 'kysely'
import { PostgresAdapter, sql } from '../../src/database/kysely.js'

export async function up(db: Kysely<unknown>): Promise<void> {
  await addSearchIndexes(db)
  // No foreign keys, because rows outlive the users they are about.
  await db.schema
    .createTable('operator_actions')
    .addColumn('id', 'text', (column) => column.primaryKey().notNull())
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('about', 'text')
    .addColumn('reason', 'text', (column) => column.notNull())
    .addColumn('actor', 'text', (column) => column.notNull())
    .addColumn('actor_name', 'text', (column) => column.notNull())
    .addColumn('user_id', 'text', (column) => column.notNull())
    .addColumn('user_name', 'text', (column) => column.notNull())
    .addColumn('address', 'text', (column) => column.notNull())
    .addColumn('user_agent', 'text', (column) => column.notNull())
    // Unique, so that a form acts once.
    .addColumn('form', 'text', (column) => column.unique())
    .addColumn('at', 'bigint', (column) => column.notNull())
    .execute()
  await db.schema.createIndex('operator_actions_user_id').on('operator_actions').column('user_id').execute()
}

// SQLite compares bytes, so its unique indexes find prefixes. PostgreSQL sorts by a locale.
async function addSearchIndexes(db: Kysely<unknown>): Promise<void> {
  for (const state of ['closed', 'disabled'])
    await sql
      .raw(`create index users_${state} on users (created_at, id) where ${state}_at is not null`)
      .execute(db)
  if (!(db.getExecutor().adapter instanceof PostgresAdapter)) return
  for (const column of ['name_key', 'email_key'])
    await sql.raw(`create index users_${column}_bytes on users (${column} collate "C")`).execute(db)
}
