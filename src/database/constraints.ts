import BetterSqlite3 from 'better-sqlite3'
import type { QueryExecutorProvider } from 'kysely'
import { isServer } from './dialect.js'
import { sql } from './kysely.js'

const UNIQUE_VIOLATION = '23505' // PostgreSQL, appendix A

export function isTaken(error: unknown): boolean {
  if (error instanceof BetterSqlite3.SqliteError) {
    return error.code === 'SQLITE_CONSTRAINT_UNIQUE' || error.code === 'SQLITE_CONSTRAINT_PRIMARYKEY'
  }
  // Not by class, because pg is loaded only where it is used.
  return error instanceof Error && 'code' in error && error.code === UNIQUE_VIOLATION
}

export interface Violation {
  table?: string
  constraint?: string
  code: string
}

// PostgreSQL, appendix A: integrity constraints, and errors raised by triggers.
const VIOLATION = /^23|^P0001$/

export function isConstraintError(error: unknown): boolean {
  if (!(error instanceof Error && 'code' in error && typeof error.code === 'string')) return false
  if (error instanceof BetterSqlite3.SqliteError) return error.code.startsWith('SQLITE_CONSTRAINT')
  return VIOLATION.test(error.code)
}

export async function violationBy(
  db: QueryExecutorProvider,
  userId: string,
  error: unknown,
): Promise<Violation> {
  const violation = violationOf(error)
  if (isServer(db) || !violation.code.endsWith('_FOREIGNKEY')) return violation
  return { ...violation, ...(await referring(db, userId)) }
}

export function violationOf(error: unknown): Violation {
  const properties = new Map<string, unknown>(Object.entries(Object(error)))
  const [code, table, constraint] = ['code', 'table', 'constraint'].map((name) => properties.get(name))
  return {
    code: String(code),
    ...(typeof table === 'string' && { table }),
    ...(typeof constraint === 'string' && { constraint }),
  }
}

async function referring(
  db: QueryExecutorProvider,
  userId: string,
): Promise<Omit<Violation, 'code'> | undefined> {
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
