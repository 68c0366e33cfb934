import BetterSqlite3 from 'better-sqlite3'

const UNIQUE_VIOLATION = '23505' // PostgreSQL, appendix A

/** Whether a write failed because somebody has already what has to be unique. */
export function isTaken(error: unknown): boolean {
  if (error instanceof BetterSqlite3.SqliteError) {
    return error.code === 'SQLITE_CONSTRAINT_UNIQUE' || error.code === 'SQLITE_CONSTRAINT_PRIMARYKEY'
  }
  // An error of pg, which is loaded only where it is used.
  return error instanceof Error && 'code' in error && error.code === UNIQUE_VIOLATION
}
