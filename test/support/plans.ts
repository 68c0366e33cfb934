import { isServer } from '../../src/database/dialect.js'
import { sql } from '../../src/database/kysely.js'
import type { Database } from '../../src/tables/schema.js'

export interface Asked {
  sql: string
  parameters: readonly unknown[]
}

/** Returns the queries of `search`. */
export async function queriesOf({ main }: Database, search: () => Promise<unknown>): Promise<Asked[]> {
  const asked: Asked[] = []
  const executor = main.getExecutor()
  const { executeQuery } = executor
  executor.executeQuery = (query, ...others) => {
    asked.push(query)
    return Reflect.apply(executeQuery, executor, [query, ...others])
  }
  await search()
  executor.executeQuery = executeQuery
  return asked
}

/** Returns the database's plan for a query. */
export async function planOf(database: Database, { sql: text, parameters }: Asked): Promise<string> {
  const how = isServer(database.main) ? 'explain' : 'explain query plan'
  const parts = text.split(/\$\d+|\?/)
  const query = parts.reduce(
    (before, part, index) =>
      index === 0
        ? sql`${sql.raw(how)} ${sql.raw(part)}`
        : sql`${before}${parameters[index - 1]}${sql.raw(part)}`,
    sql``,
  )
  const { rows } = await query.execute(database.main)
  return JSON.stringify(rows)
}
