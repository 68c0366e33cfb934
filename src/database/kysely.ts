import { createRequire } from 'node:module'

const kysely: typeof import('kysely') = createRequire(import.meta.url)('kysely')

// CommonJS, because 262 ES modules take twice as long to load. The build replaces this file with a bundle.
export const {
  Kysely,
  Migrator,
  PostgresAdapter,
  PostgresDialect,
  SqliteAdapter,
  SqliteDialect,
  SqliteQueryCompiler,
  sql,
  ValueNode,
} = kysely
