import type { QueryExecutorProvider, SelectQueryBuilder } from 'kysely'
import { PostgresAdapter } from './kysely.js'

export function isServer(db: QueryExecutorProvider): boolean {
  return db.getExecutor().adapter instanceof PostgresAdapter
}

export function skipLocked<DB, Table extends keyof DB, Row>(
  rows: SelectQueryBuilder<DB, Table, Row>,
): SelectQueryBuilder<DB, Table, Row> {
  return rows.forUpdate().skipLocked()
}
