import BetterSqlite3 from 'better-sqlite3'
import type { QueryExecutorProvider } from 'kysely'
import { isServer } from './dialect.js'
import { sql } from './kysely.js'

const UNIQUE_VIOLATION = '23505' // PostgreSQL, appendix A

/** Whether a write failed because somebody has already what has to be unique. */
export function isTaken(error: unknown): boolean {
  if (error instanceof BetterSqlite3.SqliteError) {
    return error.code === 'SQLITE_CONSTRAINT_UNIQUE' || error.code === 'SQLITE_CONSTRAINT_PRIMARYKEY'
  }
  // An error of pg, which is loaded only where it is used.
  return error instanceof Error && 'code' in error && error.code === UNIQUE_VIOLATION
}

/** What keeps a row from being deleted, by names of the database alone. */
export interface Obstacle {
  /** The table that still refers to the row, where it is known. */
  table?: string
  constraint?: string
  /** The database's own code of the error. */
  code: string
}

/** PostgreSQL, appendix A: integrity constraints, and what a trigger raises. */
const REFUSED = /^23|^P0001$/

/** Whether the database refused to delete a row because of a constraint or a trigger of somebody's. */
export function isObstructed(error: unknown): boolean {
  if (!(error instanceof Error && 'code' in error && typeof error.code === 'string')) return false
  if (error instanceof BetterSqlite3.SqliteError) return error.code.startsWith('SQLITE_CONSTRAINT')
  return REFUSED.test(error.code)
}

/** Names what kept a user from being deleted; SQLite says only that there is something. */
export async function obstacleTo(
  db: QueryExecutorProvider,
  userId: string,
  error: unknown,
): Promise<Obstacle> {
  const obstacle = obstacleIn(error)
  if (isServer(db) || !obstacle.code.endsWith('_FOREIGNKEY')) return obstacle
  return { ...obstacle, ...(await referring(db, userId)) }
}

/** What the error itself says. */
export function obstacleIn(error: unknown): Obstacle {
  const said = new Map<string, unknown>(Object.entries(Object(error)))
  const [code, table, constraint] = ['code', 'table', 'constraint'].map((name) => said.get(name))
  return {
    code: String(code),
    ...(typeof table === 'string' && { table }),
    ...(typeof constraint === 'string' && { constraint }),
  }
}

async function referring(
  db: QueryExecutorProvider,
  userId: string,
): Promise<Omit<Obstacle, 'code'> | undefined> {
  const { rows } = await sql<{ table: string; column: string }>`
    select s.name as "table", f."from" as "column"
    from sqlite_schema s, pragma_foreign_key_list(s.name) f
    where s.type = 'table' and lower(f."table") = 'users' and coalesce(f."to", 'id') = 'id'
      and f.on_delete in ('NO ACTION', 'RESTRICT')`.execute(db)
  for (const { table, column } of rows) {
    const found =
      await sql`select 1 from ${sql.table(table)} where ${sql.ref(column)} = ${userId} limit 1`.execute(db)
    if (found.rows.length > 0) return { table, constraint: `${table}.${column}` }
  }
  return undefined
}
