import type { Duplex } from 'node:stream'
import type { ConnectionOptions } from 'node:tls'

/**
 * Where the database is. By address: `sqlite:<path>`, whose file is made if need be, or `postgres://…`. Or by a handle of
 * the host's own, whose file or server we come to by connections of our own: the handle itself is neither used for our
 * statements, nor changed, nor closed.
 */
export type DatabaseLocation =
  | string
  | {
      /** As above. */
      readonly url: string
      /** As below; PostgreSQL alone. */
      readonly schema?: string | undefined
    }
  | {
      /** A handle of better-sqlite3 on a file; one in memory would be a database of its own for each connection. */
      readonly sqlite: SqliteHandle
    }
  | {
      /** A pool of pg; its settings are read, how to connect and nothing else. */
      readonly postgres: PostgresHandle
      /**
       * The schema for all our tables, made if need be: small letters, digits and `_`, at most 63. By default the one in
       * which tables are made on that server, `public` unless its search path says otherwise.
       */
      readonly schema?: string | undefined
    }

/** What of a `Database` of better-sqlite3 is asked. */
export interface SqliteHandle {
  readonly open: boolean
  readonly readonly: boolean
  pragma(source: string): unknown
}

/** What of a `Pool` of pg is asked. */
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

/** Whether it can be the address of a PostgreSQL server: `postgres://…` or `postgresql://…`. */
export function isPostgresUrl(url: string): boolean {
  if (!/^postgres(?:ql)?:\/\//.test(url) || !URL.canParse(url)) return false
  // An @ or a # further on means that half of a password is taken for a host, and would be told as one.
  const { pathname, search, hash } = new URL(url)
  return hash === '' && !`${pathname}${search}`.includes('@')
}

/** The path in the address of a SQLite database that has no `sqliteProblem`. */
export function sqlitePath(url: string): string {
  return url.trim().slice('sqlite:'.length).trim()
}

/**
 * Why it is no address of a file of SQLite, to stand behind the name of what it was given as; undefined if it is one. What could
 * be meant in more than one way is refused: with `sqlite://` some count from the working directory and some from the root.
 */
export function sqliteProblem(url: string): string | undefined {
  const path = sqlitePath(url)
  if (!/^sqlite:/.test(url.trim()) || path === '' || /^:|^file:/i.test(path))
    return 'has to be sqlite:<path>, or postgres://<user>:<password>@<host>/<database> with special characters as %..'
  if (/^[/\\]{2}/.test(path))
    return 'has to be sqlite:<path> without //: sqlite:data/site.sqlite from the working directory, or sqlite:/srv/site.sqlite'
  if (/^\/?[a-z]:/i.test(path) && !(process.platform === 'win32' && /^[a-z]:[/\\]/i.test(path)))
    return 'has to name a whole path: a drive, as in sqlite:C:/data/site.sqlite, is for Windows alone'
  if (process.platform !== 'win32' && path.includes('\\'))
    return 'has to be sqlite:<path> with / between folders'
  if (/(?:^|[/\\])\.{0,2}$/.test(path)) return 'has to be sqlite:<path> of a file, and not of a folder'
  // Controls are left of scripts with line ends of Windows.
  if (/^~|[?#]|%[0-9a-f]{2}|\$[\w{(]|[\p{Cc}\u2028\u2029\ufeff]/iu.test(path))
    return 'has to be sqlite:<path>, as it is on the disk: ~, ?, #, $NAME and %.. are not read in it'
  return undefined
}
