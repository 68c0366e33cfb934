import type { Kysely } from 'kysely'

/** The fingerprint of the form that used a token, by which its second arrival is known. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('tokens').addColumn('used_form', 'text').execute()
}
