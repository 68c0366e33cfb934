import type { Kysely } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  const empty = (table: string, column: string) =>
    db.schema
      .alterTable(table)
      .addColumn(column, 'text', (definition) => definition.notNull().defaultTo(''))
      .execute()
  await empty('sessions', 'device')
  await empty('users', 'ended_devices')
}
