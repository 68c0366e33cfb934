import type { Expression, SqlBool } from 'kysely'
import { isServer } from '../database/dialect.js'
import { sql } from '../database/kysely.js'
import type { Db } from './schema.js'

export function havingRole(role: string): Expression<SqlBool> {
  const roles = sql.ref('users.roles')
  return sql<SqlBool>`${roles} <> '' and ' ' || ${roles} || ' ' like ${`% ${role.replaceAll(/[\\%_]/g, '\\$&')} %`} escape '\\'`
}

/** Locks all users with the role who can log in, until the end of the transaction. */
export async function lockWithRole(transaction: Db, role: string): Promise<string[]> {
  const rows = await transaction
    .selectFrom('users')
    .select('id')
    .where(havingRole(role))
    .where('closed_at', 'is', null)
    .where('disabled_at', 'is', null)
    .orderBy('id')
    .$if(isServer(transaction), (users) => users.forNoKeyUpdate())
    .execute()
  return rows.map(({ id }) => id)
}

export async function anyoneHas(db: Db, role: string): Promise<boolean> {
  const row = await db.selectFrom('users').select('id').where(havingRole(role)).limit(1).executeTakeFirst()
  return row !== undefined
}

// Someone vouched for an account with a role, so it does not expire.
export async function setRoles(
  db: Db,
  userId: string,
  { roles, now }: { roles: readonly string[]; now: number },
): Promise<void> {
  await db
    .updateTable('users')
    .set({
      roles: [...roles].sort().join(' '),
      updated_at: now,
      ...(roles.length > 0 && { confirm_by: null }),
    })
    .where('id', '=', userId)
    .execute()
}
