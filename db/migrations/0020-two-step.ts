import type { Kysely } from 'kysely'
import { sql } from '../../src/database/kysely.js'

export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('users').addColumn('second_step_at', 'bigint').execute()
  // Every earlier session started with a password.
  await db.schema
    .alterTable('sessions')
    .addColumn('methods', 'text', (methods) => methods.notNull().defaultTo('password'))
    .execute()
  await db.schema.alterTable('sessions').addColumn('second_at', 'bigint').execute()
  await db.schema
    .createTable('authenticator_apps')
    .addColumn('user_id', 'text', (column) =>
      column.primaryKey().notNull().references('users.id').onDelete('cascade'),
    )
    .addColumn('secret', 'text', (column) => column.notNull())
    .addColumn('last_step', 'bigint', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('used_at', 'bigint')
    .execute()
  // The first characters name the key that encrypted it.
  await sql`create index authenticator_apps_key on authenticator_apps (substr(secret, 1, 5))`.execute(db)
  await db.schema
    .createTable('recovery_sets')
    .addColumn('user_id', 'text', (column) =>
      column.primaryKey().notNull().references('users.id').onDelete('cascade'),
    )
    .addColumn('salt', 'text', (column) => column.notNull())
    .addColumn('made_at', 'bigint', (column) => column.notNull())
    .execute()
  await db.schema
    .createTable('recovery_codes')
    .addColumn('tag', 'text', (column) => column.primaryKey().notNull())
    .addColumn('user_id', 'text', (column) => column.notNull().references('users.id').onDelete('cascade'))
    .addColumn('used_at', 'bigint')
    .execute()
  await db.schema.createIndex('recovery_codes_user_id').on('recovery_codes').column('user_id').execute()
}
