import type { Kysely } from 'kysely'

/** Since when an account is disabled; and the order in which the maintainer lists users, for who reads on from one. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('users').addColumn('disabled_at', 'bigint').execute()
  await db.schema.createIndex('users_created_at_id').on('users').columns(['created_at', 'id']).execute()
}
