import { isAbsolute } from 'node:path'
import BetterSqlite3 from 'better-sqlite3'
import {
  type DatabaseLocation,
  isPostgresUrl,
  type PostgresHandle,
  type SqliteHandle,
  sqlitePath,
  sqliteProblem,
} from './location.js'
import type { ServerSettings } from './postgres.js'
import type { SqliteFile } from './sqlite.js'

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
