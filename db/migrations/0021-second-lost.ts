import type { Kysely } from 'kysely'
import { sql } from '../../src/database/kysely.js'

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const column of ['second_ends_at', 'password_at', 'email_at'])
    await db.schema.alterTable('users').addColumn(column, 'bigint').execute()
  // The password or the address may just have been changed.
  const now = Date.now()
  await sql`update users set password_at = ${now}, email_at = ${now} where second_step_at is not null`.execute(
    db,
  )
}
