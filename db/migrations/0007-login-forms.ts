import type { Kysely } from 'kysely'

/** A login form starts one session of a user, even if it arrives twice at once. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createIndex('sessions_user_id_login_form')
    .unique()
    .on('sessions')
    .columns(['user_id', 'login_form'])
    .execute()
  await db.schema.dropIndex('sessions_user_id').execute()
}
