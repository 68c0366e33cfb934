import BetterSqlite3 from 'better-sqlite3'
import pg from 'pg'

const UNIQUE_VIOLATION = '23505' // PostgreSQL, appendix A

/** Whether a write failed because somebody has already what has to be unique. */
export function isTaken(error: unknown): boolean {
  if (error instanceof BetterSqlite3.SqliteError) {
    return error.code === 'SQLITE_CONSTRAINT_UNIQUE' || error.code === 'SQLITE_CONSTRAINT_PRIMARYKEY'
  }
  return error instanceof pg.DatabaseError && error.code === UNIQUE_VIOLATION
}
