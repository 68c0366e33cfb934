import { PostgresAdapter } from 'kysely'
import type { Db } from './schema.js'

/** Whether it is a server, where several write at a time. SQLite has one writer, and no words for locks. */
export function isServer(db: Db): boolean {
  return db.getExecutor().adapter instanceof PostgresAdapter
}
