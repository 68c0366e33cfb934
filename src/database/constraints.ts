import type { QueryExecutorProvider } from 'kysely'
import { isServer } from './dialect.js'
import { sql } from './kysely.js'

// By code, not by class: an app may pass a handle of its own copy of better-sqlite3. PostgreSQL's codes: its appendix A.
const UNIQUE = /^(?:SQLITE_CONSTRAINT_(?:UNIQUE|PRIMARYKEY)|23505)$/
/** Integrity constraints, and errors raised by triggers. */
const CONSTRAINT = /^(?:SQLITE_CONSTRAINT|23|P0001$)/

export function isTaken(error: unknown): boolean {
  return UNIQUE.test(codeOf(error))
}

export function isConstraintError(error: unknown): boolean {
  return CONSTRAINT.test(codeOf(error))
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}

export interface Violation {
  table?: string
  constraint?: string
  code: string
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
