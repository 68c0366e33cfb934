import type { Kysely } from 'kysely'
import { sql } from '../../src/database/kysely.js'

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`update mails set state = 'failed' where state = 'dead'`.execute(db)
}
