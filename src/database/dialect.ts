import type { QueryExecutorProvider, SelectQueryBuilder } from 'kysely'
import { PostgresAdapter } from './kysely.js'

/** Whether it is a server, where several write at a time. SQLite has one writer, and no words for locks. */
export function isServer(db: QueryExecutorProvider): boolean {
  return db.getExecutor().adapter instanceof PostgresAdapter
}

/**
 * Takes the rows, and leaves those that another node has just taken: so nodes share work, and do not wait for each other.
 * For `$if(isServer(db), skipLocked)`.
 */
export function skipLocked<DB, Table extends keyof DB, Row>(
  rows: SelectQueryBuilder<DB, Table, Row>,
): SelectQueryBuilder<DB, Table, Row> {
  return rows.forUpdate().skipLocked()
}
