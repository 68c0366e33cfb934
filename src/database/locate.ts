import { isAbsolute } from 'node:path'
import type { Duplex } from 'node:stream'
import type { ConnectionOptions } from 'node:tls'
import BetterSqlite3 from 'better-sqlite3'
import type pg from 'pg'

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

/** A SQLite file, and how connections to it are opened. */
export interface SqliteFile {
  readonly path: string
  /** What it is called in a sentence. */
  readonly name: string
  /** Whether it is the host's file, with tables of the host's: how it is written is then the host's choice. */
  readonly isShared: boolean
  open(path: string, options: BetterSqlite3.Options): BetterSqlite3.Database
}

/** A database on a server, and how connections to it are opened. */
export interface ServerSettings {
  readonly connection: pg.ClientConfig
  /** What it is called in a sentence: never by the user and the password. */
  readonly name: string
  /** The schema with our tables; undefined for the one in which the server makes them by itself. */
  readonly schema: string | undefined
}

/** Where it is, as we come to it. */
export type Located =
  | { readonly kind: 'file'; readonly file: SqliteFile }
  | { readonly kind: 'server'; readonly server: ServerSettings }

/** Throws a sentence, which repeats no address: there may be a password in it. */
export function locate(location: DatabaseLocation): Located {
  if (typeof location === 'string') return byAddress(location, { where: ' (DATABASE_URL)' })
  if (location === null || typeof location !== 'object') throw new Error(SENTENCE)
  if ('url' in location) return byAddress(location.url, location)
  if ('sqlite' in location) {
    if ('schema' in location) throw new Error(NO_SCHEMA)
    return byHandle(location.sqlite)
  }
  if ('postgres' in location) return byPool(location.postgres, location.schema)
  throw new Error(SENTENCE)
}

const SENTENCE =
  'The database has to be sqlite:<path> or postgres://…, or { sqlite: <handle> } or { postgres: <pool> } of your own.'

const NO_SCHEMA = 'A database.schema is for PostgreSQL alone: SQLite has none.'

function byAddress(
  url: string,
  { schema, where = '' }: { schema?: string | undefined; where?: string },
): Located {
  if (typeof url !== 'string') throw new Error(SENTENCE)
  if (isPostgresUrl(url)) {
    return {
      kind: 'server',
      server: {
        connection: { connectionString: url },
        name: hostOf(url) + where,
        schema: checked(schema),
      },
    }
  }
  if (!/^\s*sqlite:\s*[^:\s]/.test(url)) throw new Error(SENTENCE)
  const path = sqlitePath(url)
  // The settings have looked at what was given; that folder may be called as it likes.
  const problem = isAbsolute(path) && !/^[/\\]{2}/.test(path) ? undefined : sqliteProblem(url)
  if (problem !== undefined) throw new Error(`The database ${problem}.`)
  if (schema !== undefined) throw new Error(NO_SCHEMA)
  const open = (file: string, options: BetterSqlite3.Options) => new BetterSqlite3(file, options)
  return { kind: 'file', file: { path, name: path + where, isShared: false, open } }
}

/**
 * Our transactions are asynchronous: on the host's own connection its statements would slip into them, and be rolled back
 * with them. So we open connections of our own to the same file; by the host's copy of better-sqlite3, for two copies of
 * SQLite in one process drop each other's locks on a file ("How To Corrupt An SQLite Database File" 2.2.1).
 */
function byHandle(handle: SqliteHandle): Located {
  if (typeof handle?.pragma !== 'function')
    throw new Error('The database.sqlite has to be a Database of better-sqlite3.')
  if (!handle.open) throw new Error('The database.sqlite is closed: give a handle that is open.')
  if (handle.readonly)
    throw new Error('The database.sqlite is open for reading alone: accounts have to be written.')
  const path = fileOf(handle)
  if (path === '')
    throw new Error('The database.sqlite is in memory: give a handle on a file, which others can open.')
  const open = (file: string, options: BetterSqlite3.Options) =>
    Reflect.construct(handle.constructor, [file, options])
  return { kind: 'file', file: { path, name: path, isShared: true, open } }
}

// Not by its name, which is relative to where the process was when it was opened.
function fileOf(handle: SqliteHandle): string {
  const attached = handle.pragma('database_list')
  const [main]: unknown[] = Array.isArray(attached) ? attached : []
  if (typeof main !== 'object' || main === null || !('file' in main) || typeof main.file !== 'string') {
    throw new Error('The database.sqlite does not say which file it is on.')
  }
  return main.file
}

// Pools of our own: what our connections are set to (waits, durability, whole numbers) is not for the host's.
function byPool(pool: PostgresHandle, schema?: string): Located {
  if (typeof pool?.options !== 'object') throw new Error('The database.postgres has to be a Pool of pg.')
  const { connectionString, host, port, user, password, database, ssl } = pool.options
  const { sslnegotiation, enableChannelBinding, stream, options } = pool.options
  const how = { connectionString, host, port, user, password, database, ssl }
  return {
    kind: 'server',
    server: {
      connection: { ...how, sslnegotiation, enableChannelBinding, options, ...(stream && { stream }) },
      name: hostOf(connectionString ?? '') || (host ?? process.env.PGHOST ?? 'localhost'),
      schema: checked(schema),
    },
  }
}

/** What may be said of the server in a sentence: where it is, and never the user and the password. */
function hostOf(url: string): string {
  if (!URL.canParse(url)) return ''
  return new URL(url).hostname || 'on this machine'
}

const SCHEMA = /^(?!pg_)[a-z_][a-z0-9_]{0,62}$/

function checked(schema: string | undefined): string | undefined {
  if (schema === undefined || (typeof schema === 'string' && SCHEMA.test(schema))) return schema
  throw new Error(
    'The database.schema has to be a name like accounts: small letters, digits and _, at most 63, and no pg_ in front.',
  )
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
