import type { Kysely, SelectQueryBuilder } from 'kysely'
import { KEYS, type TableName } from '../../db/migrations/index.js'
import { isServer, skipLocked } from './dialect.js'
import { sql } from './kysely.js'

export interface SweepSize {
  batch: number
  skip?: number
}

export async function sweepRows<Schema, Row>(
  db: Kysely<Schema>,
  table: TableName & keyof Schema,
  ended: SelectQueryBuilder<Schema, TableName & keyof Schema, Row>,
  { batch, skip = 0 }: SweepSize,
): Promise<number> {
  const some = ended.limit(batch).offset(skip).$if(isServer(db), skipLocked)
  const { rows } = await sql`
    delete from ${sql.table(table)} where ${sql.ref(KEYS[table])} in ${some} returning 1`.execute(db)
  return rows.length
}
