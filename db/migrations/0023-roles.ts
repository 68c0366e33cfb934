import type { Kysely } from 'kysely'
import { sql } from '../../src/database/kysely.js'

export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .alterTable('users')
    .addColumn('roles', 'text', (roles) => roles.notNull().defaultTo(''))
    .execute()
  await sql`create index users_roles on users (roles) where roles <> ''`.execute(db)
}
