import type { Db } from './schema.js'
import type { UsersTable } from './users.js'

export type ExportedRow = Pick<
  UsersTable,
  'id' | 'name' | 'email' | 'email_confirmed_at' | 'password_hash' | 'language' | 'disabled_at' | 'created_at'
>

/** Without closed accounts, because their owners want them deleted. */
export async function exported(
  db: Db,
  { after, batch }: { after: string; batch: number },
): Promise<ExportedRow[]> {
  return db
    .selectFrom('users')
    .select(['id', 'name', 'email', 'email_confirmed_at', 'password_hash', 'language'])
    .select(['disabled_at', 'created_at'])
    .where('id', '>', after)
    .where('closed_at', 'is', null)
    .orderBy('id')
    .limit(batch)
    .execute()
}
