import type { Kysely } from 'kysely'
import { sql } from '../../src/database/kysely.js'

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`create index users_unconfirmed on users (created_at, id) where email_confirmed_at is null`.execute(
    db,
  )
}
