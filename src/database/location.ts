import type { Duplex } from 'node:stream'
import type { ConnectionOptions } from 'node:tls'

// Not in locate.ts, whose types need those of pg and better-sqlite3, which an app may lack.
/** Where the database is: `sqlite:<path>` (created if missing), `postgres://…`, or a handle of your app.
 * Gatehouse opens its own connections and neither uses, changes nor closes the handle. */
export type DatabaseLocation =
  | string
  | {
      readonly url: string
      readonly schema?: string | undefined
    }
  | {
      /** A better-sqlite3 `Database` on a file, not in memory. */
      readonly sqlite: SqliteHandle
    }
  | {
      /** A pg `Pool`. Only its connection settings are read. */
      readonly postgres: PostgresHandle
      /** Schema of Gatehouse's tables, created if missing: at most 63 of a-z, 0-9 and `_`.
       * Default: the first schema in the search path, usually `public`. */
      readonly schema?: string | undefined
    }

export interface SqliteHandle {
  readonly open: boolean
  readonly readonly: boolean
  pragma(source: string): unknown
}

export interface PostgresHandle {
  readonly options: {
    readonly connectionString?: string | undefined
    readonly host?: string | undefined
    readonly port?: number | undefined
    readonly user?: string | undefined
    readonly password?: string | (() => string | Promise<string>) | undefined
    readonly database?: string | undefined
    readonly ssl?: boolean | ConnectionOptions | undefined
    readonly sslnegotiation?: 'postgres' | 'direct' | undefined
    readonly enableChannelBinding?: boolean | undefined
    readonly stream?: (() => Duplex | undefined) | undefined
    readonly options?: string | undefined
  }
}
