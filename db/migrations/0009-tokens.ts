import type { Kysely } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('tokens')
    .addColumn('hash', 'text', (column) => column.primaryKey().notNull())
    .addColumn('purpose', 'text', (column) => column.notNull())
    .addColumn('user_id', 'text', (column) => column.notNull().references('users.id').onDelete('cascade'))
    .addColumn('email', 'text', (column) => column.notNull())
    .addColumn('email_key', 'text', (column) => column.notNull())
    .addColumn('code_mac', 'text')
    .addColumn('code_tries', 'integer', (column) => column.notNull())
    .addColumn('code_expires_at', 'bigint', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('expires_at', 'bigint', (column) => column.notNull())
    .addColumn('used_at', 'bigint')
    .execute()
  await db.schema.createIndex('tokens_user_id_purpose').on('tokens').columns(['user_id', 'purpose']).execute()
  await db.schema
    .createIndex('tokens_email_key_purpose')
    .on('tokens')
    .columns(['email_key', 'purpose'])
    .execute()
  await db.schema.createIndex('tokens_expires_at').on('tokens').column('expires_at').execute()
}
