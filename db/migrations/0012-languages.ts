import type { Kysely } from 'kysely'

/** In which language the site writes to a user. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('users').addColumn('language', 'text').execute()
}
