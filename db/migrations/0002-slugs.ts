import type { Kysely } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('slugs')
    .addColumn('slug', 'text', (column) => column.primaryKey().notNull())
    .addColumn('user_id', 'text', (column) => column.notNull().references('users.id').onDelete('cascade'))
    .addColumn('until', 'bigint')
    .execute()
  await db.schema.createIndex('slugs_user_id').on('slugs').column('user_id').execute()
}
