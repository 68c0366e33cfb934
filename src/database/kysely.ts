import { createRequire } from 'node:module'

const kysely: typeof import('kysely') = createRequire(import.meta.url)('kysely')

// As CommonJS: loading its 262 files as ES modules takes twice as long. The build puts one bundled file in the place of this one.
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
