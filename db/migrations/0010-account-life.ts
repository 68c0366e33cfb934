import type { Kysely } from 'kysely'

/** Adds confirmed and new email addresses, and when an account that is closed or not confirmed is deleted. */
export async function up(db: Kysely<unknown>): Promise<void> {
  const column = (name: string, type: 'bigint' | 'text') =>
    db.schema.alterTable('users').addColumn(name, type).execute()
  await column('email_confirmed_at', 'bigint')
  await column('confirm_by', 'bigint')
  await column('next_email', 'text')
  await column('closed_at', 'bigint')
  await column('erase_at', 'bigint')
  await db.schema.createIndex('users_confirm_by').on('users').column('confirm_by').execute()
  await db.schema.createIndex('users_erase_at').on('users').column('erase_at').execute()
  await db.schema.createIndex('slugs_until').on('slugs').column('until').execute()
}
