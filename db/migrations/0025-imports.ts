import type { Kysely } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('imports')
    .addColumn('id', 'text', (column) => column.primaryKey().notNull())
    .addColumn('user_id', 'text', (column) => column.references('users.id').onDelete('set null'))
    .addColumn('imported_at', 'bigint', (column) => column.notNull())
    .execute()
  await db.schema.createIndex('imports_user_id').on('imports').column('user_id').execute()
}
