import type { Kysely } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('keys')
    .addColumn('id', 'text', (column) => column.primaryKey().notNull())
    .addColumn('noted_at', 'bigint', (column) => column.notNull())
    .addColumn('sealed_at', 'bigint')
    .execute()
}
