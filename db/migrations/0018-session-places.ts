import type { Kysely } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const column of ['last_address', 'last_user_agent', 'jump_address', 'jump_user_agent']) {
    await db.schema.alterTable('sessions').addColumn(column, 'text').execute()
  }
  await db.schema.alterTable('sessions').addColumn('jumped_at', 'bigint').execute()
}
