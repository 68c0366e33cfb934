import type { Kysely } from 'kysely'

/** Adds ids and previous tokens to sessions, and to users the stamp that their known devices carry. */
export async function up(db: Kysely<{ sessions: { id: string; token_hash: string } }>): Promise<void> {
  await db.schema
    .alterTable('sessions')
    .addColumn('id', 'text', (column) => column.notNull().defaultTo(''))
    .execute()
  await db
    .updateTable('sessions')
    .set(({ ref }) => ({ id: ref('token_hash') }))
    .execute()
  await db.schema.alterTable('sessions').addColumn('former_hash', 'text').execute()
  await db.schema.alterTable('sessions').addColumn('renewed_at', 'bigint').execute()
  await db.schema.createIndex('sessions_former_hash').on('sessions').column('former_hash').execute()
  await db.schema.createIndex('sessions_id').unique().on('sessions').column('id').execute()
  await db.schema
    .alterTable('users')
    .addColumn('device_stamp', 'text', (column) => column.notNull().defaultTo(''))
    .execute()
}
