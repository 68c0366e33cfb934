import { isAbsolute } from 'node:path'
import BetterSqlite3 from 'better-sqlite3'
import type pg from 'pg'
import type { DatabaseLocation, PostgresHandle, SqliteHandle } from './location.js'

export interface SqliteFile {
  readonly path: string
  readonly name: string
  /** Whether the app has tables in it, too, and so decides on the journal mode. */
  readonly isShared: boolean
  open(path: string, options: BetterSqlite3.Options): BetterSqlite3.Database
}

export interface ServerSettings {
  readonly connection: pg.ClientConfig
  readonly name: string
  readonly schema: string | undefined
  /** Whether a pooler in transaction mode is in between. */
  readonly isPooled: boolean
}

export type Located =
  | { readonly kind: 'file'; readonly file: SqliteFile }
  | { readonly kind: 'server'; readonly server: ServerSettings }

/** Throws without repeating the address, which may contain a password. */
export function locate(location: DatabaseLocation): Located {
  if (typeof location === 'string') return byAddress(location, { where: ' (DATABASE_URL)' })
  if (location === null || typeof location !== 'object') throw new Error(MALFORMED)
  if ('url' in location) return byAddress(location.url, location)
  if ('sqlite' in location) {
    if ('schema' in location) throw new Error(NO_SCHEMA)
    return byHandle(location.sqlite)
  }
  if ('postgres' in location) return byPool(location.postgres, location.schema)
  throw new Error(MALFORMED)
}

const MALFORMED =
  'Option database must be sqlite:<path>, postgres://…, { sqlite: <handle> } or { postgres: <pool> }.'

const NO_SCHEMA = 'Option database.schema is for PostgreSQL only.'

function byAddress(
  url: string,
  { schema, where = '' }: { schema?: string | undefined; where?: string },
): Located {
  if (typeof url !== 'string') throw new Error(MALFORMED)
  if (isPostgresUrl(url)) {
    return {
      kind: 'server',
      server: {
        connection: { connectionString: url },
        name: hostOf(url) + where,
        schema: checkSchema(schema),
        isPooled: isPooledUrl(url),
      },
    }
  }
  if (!/^\s*sqlite:\s*[^:\s]/.test(url)) throw new Error(MALFORMED)
  const path = sqlitePath(url)
  const problem = isAbsolute(path) && !/^[/\\]{2}/.test(path) ? undefined : sqliteProblem(url)
  if (problem !== undefined) throw new Error(`Option database ${problem}.`)
  if (schema !== undefined) throw new Error(NO_SCHEMA)
  const open = (file: string, options: BetterSqlite3.Options) => new BetterSqlite3(file, options)
  return { kind: 'file', file: { path, name: path + where, isShared: false, open } }
}

// Opens connections of its own, or the app's statements would end up in our asynchronous transactions. Uses the
// app's better-sqlite3, because two copies of SQLite drop each other's locks (How To Corrupt, 2.2.1).
function byHandle(handle: SqliteHandle): Located {
  if (typeof handle?.pragma !== 'function')
    throw new Error('Option database.sqlite must be a better-sqlite3 Database.')
  if (!handle.open) throw new Error('Option database.sqlite is closed. Pass an open handle.')
  if (handle.readonly) throw new Error('Option database.sqlite is read-only. Pass a writable handle.')
  const path = fileOf(handle)
  if (path === '') throw new Error('Option database.sqlite is in memory. Pass a handle on a file.')
  const open = (file: string, options: BetterSqlite3.Options) =>
    Reflect.construct(handle.constructor, [file, options])
  return { kind: 'file', file: { path, name: path, isShared: true, open } }
}

// Not `handle.name`, which is relative to an earlier working directory.
function fileOf(handle: SqliteHandle): string {
  const attached = handle.pragma('database_list')
  const [main]: unknown[] = Array.isArray(attached) ? attached : []
  if (typeof main !== 'object' || main === null || !('file' in main) || typeof main.file !== 'string') {
    throw new Error('Option database.sqlite has no file name. Pass a handle on a file.')
  }
  return main.file
}

// A pool of its own, because its settings (timeouts, durability, bigint parsing) must not affect the app.
function byPool(pool: PostgresHandle, schema?: string): Located {
  if (typeof pool?.options !== 'object') throw new Error('Option database.postgres must be a pg Pool.')
  const { connectionString, host, port, user, password, database, ssl } = pool.options
  const { sslnegotiation, enableChannelBinding, stream, options } = pool.options
  const settings = { connectionString, host, port, user, password, database, ssl }
  return {
    kind: 'server',
    server: {
      connection: { ...settings, sslnegotiation, enableChannelBinding, options, ...(stream && { stream }) },
      name: hostOf(connectionString ?? '') || (host ?? process.env.PGHOST ?? 'localhost'),
      schema: checkSchema(schema),
      isPooled: isPooledUrl(connectionString ?? ''),
    },
  }
}

function isPooledUrl(url: string): boolean {
  return URL.canParse(url) && new URL(url).searchParams.get('pooling') === 'transaction'
}

function hostOf(url: string): string {
  if (!URL.canParse(url)) return ''
  return new URL(url).hostname || 'on this machine'
}

const SCHEMA = /^(?!pg_)[a-z_][a-z0-9_]{0,62}$/

function checkSchema(schema: string | undefined): string | undefined {
  if (schema === undefined || (typeof schema === 'string' && SCHEMA.test(schema))) return schema
  throw new Error(
    'Option database.schema must be a name like accounts: up to 63 lowercase letters, digits and _, not starting with pg_.',
  )
}

export function isPostgresUrl(url: string): boolean {
  if (!/^postgres(?:ql)?:\/\//.test(url) || !URL.canParse(url)) return false
  // A later @ or # means that part of a password was parsed as the host, and would be shown.
  const { pathname, search, hash } = new URL(url)
  return hash === '' && !`${pathname}${search}`.includes('@')
}

export function sqlitePath(url: string): string {
  return url.trim().slice('sqlite:'.length).trim()
}

/** Returns what is wrong. `sqlite://` is refused, because programs disagree on whether it is relative. */
export function sqliteProblem(url: string): string | undefined {
  const path = sqlitePath(url)
  if (!/^sqlite:/.test(url.trim()) || path === '' || /^:|^file:/i.test(path))
    return 'must be sqlite:<path> or postgres://<user>:<password>@<host>/<database>, with special characters percent-encoded'
  if (/^[/\\]{2}/.test(path))
    return 'must be sqlite:<path> without //, such as sqlite:data/site.sqlite (from the working directory) or sqlite:/srv/site.sqlite'
  if (/^\/?[a-z]:/i.test(path) && !(process.platform === 'win32' && /^[a-z]:[/\\]/i.test(path)))
    return 'must be a full path. A drive, as in sqlite:C:/data/site.sqlite, is for Windows only'
  if (process.platform !== 'win32' && path.includes('\\'))
    return 'must be sqlite:<path> with / between folders'
  if (/(?:^|[/\\])\.{0,2}$/.test(path)) return 'must be sqlite:<path> of a file, not of a folder'
  if (/^~|[?#]|%[0-9a-f]{2}|\$[\w{(]|[\p{Cc}\u2028\u2029\ufeff]/iu.test(path))
    return 'must be sqlite:<path>, exactly as on disk. ~, ?, #, $NAME and %.. have no special meaning'
  return undefined
}
