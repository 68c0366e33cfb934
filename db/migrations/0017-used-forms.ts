import type { Kysely } from 'kysely'

/** Adds the fingerprint of the form that used a token, to recognize a second submission. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('tokens').addColumn('used_form', 'text').execute()
}
