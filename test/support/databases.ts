import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import BetterSqlite3 from 'better-sqlite3'
import pg from 'pg'
import { isPostgresUrl } from '../../src/database/locate.js'
import { openDatabase } from '../../src/tables/schema.js'

/*
 * Tests run on PostgreSQL if `run.ts` gives them the URL of a server, else on SQLite. The runner runs each test file that
 * imports this one, directly or indirectly, once on each.
 */
const server = process.env.TEST_DATABASE_URL || undefined

const KEY = Buffer.alloc(32, 7).toString('base64url')
const INT8 = 20
const OWN = 'gatehouse tests'
/** In milliseconds. A new connection takes the server up to 10 ms of work. */
const IDLE_FOR = 30_000

/** Returns the URL of an unused database. A file is removed at the end of the process, with the files beside it. */
export async function freshDatabase(): Promise<string> {
  return server === undefined ? freshFile() : freshOnServer(server)
}

const folders: string[] = []
process.once('exit', () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

/** Returns the URL of an unused SQLite file, even when the tests run on PostgreSQL. */
export function freshFile(): string {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-test-'))
  folders.push(folder)
  return `sqlite:${join(folder, 'test.sqlite')}`
}

let template: Promise<string> | undefined

/** Returns a database with a site's tables, copied from one that this process has migrated. */
export async function migratedDatabase(): Promise<string> {
  template ??= makeTemplate()
  const url = await template
  if (server !== undefined) return copyOnServer(server, url)
  const copy = freshFile()
  copyFileSync(fileOf(url), fileOf(copy))
  return copy
}

async function makeTemplate(): Promise<string> {
  const url = await freshDatabase()
  await (await openDatabase(url)).close()
  if (server !== undefined) {
    const client = await connected(url)
    untouched = (await stateOf(client)).schema
    emptying = await emptyingOf(client)
    await client.end()
  }
  return url
}

/** Copies on the server that test files have used, and those that are empty again. */
const used = new Set<string>()
const emptied: string[] = []
let untouched = ''
let emptying = ''

async function copyOnServer(server: string, url: string): Promise<string> {
  // A third faster than through the server's log.
  const from = ` template ${new URL(url).pathname.slice(1)} strategy file_copy`
  const copy = emptied.pop() ?? (await freshOnServer(server, from))
  used.add(copy)
  return copy
}

/**
 * Empties the copies on the server for the next test file, because each new one takes 8 MB and up to 0.2 s. Those whose
 * tables or settings were changed stay as they are, and so do those that are still in use.
 */
export async function reuseDatabases(): Promise<void> {
  for (const url of used) {
    await queried(url, async (client) => {
      const { schema, isInUse } = await stateOf(client)
      if (!isInUse) used.delete(url)
      if (isInUse || schema !== untouched) return
      await client.query(emptying)
      emptied.push(url)
    })
  }
}

interface State {
  /** The number of things that are not PostgreSQL's own in the system tables, and the last transaction that changed one. */
  schema: string
  isInUse: boolean
}

const OWN_FROM = 16_384
const THINGS = {
  pg_class: 'oid',
  pg_attribute: 'attrelid',
  pg_constraint: 'oid',
  pg_trigger: 'oid',
  pg_proc: 'oid',
}

const STATE = `
  select
    (select count(*) from pg_stat_activity where datid = own.oid and application_name <> '${OWN}') > 0 as "isInUse",
    concat_ws(' ',
      ${Object.entries(THINGS)
        .map(
          ([table, key]) =>
            `(select concat_ws(' ', count(*), max(xmin::text::bigint)) from ${table} where ${key} >= ${OWN_FROM})`,
        )
        .join()},
      (select count(*) from pg_db_role_setting where setdatabase = own.oid),
      (select concat_ws(' ', count(*), max(name)) from public.kysely_migration)
    ) as schema
  from pg_database own where datname = current_database()`

/** Returns the statements that empty all tables. */
async function emptyingOf(client: pg.ClientBase): Promise<string> {
  const { rows } = await client.query<{ name: string }>(
    "select tablename as name from pg_tables where schemaname = 'public' and tablename not like 'kysely%'",
  )
  const deletes = rows.map(({ name }) => `delete from ${name}`)
  return ['begin', 'set local session_replication_role = replica', ...deletes, 'commit'].join('; ')
}

async function stateOf(client: pg.ClientBase): Promise<State> {
  const { rows } = await client.query<State>(STATE)
  return rows[0] as State
}

let made = 0

async function freshOnServer(server: string, from = ''): Promise<string> {
  const url = new URL(server)
  const name = `${prefixOf(process.env.TEST_RUN)}${process.pid}_${++made}`
  await queried(server, (client) => client.query(`create database ${name}${from}`))
  url.pathname = `/${name}`
  return url.href
}

function prefixOf(run = 'alone'): string {
  return `gatehouse_test_${run}_`
}

/** Removes the databases that a run's test files have created on the server. */
export async function dropDatabases(server: string, run: string): Promise<void> {
  await queried(server, async (client) => {
    const { rows } = await client.query<{ datname: string }>(
      'select datname from pg_database where starts_with(datname, $1)',
      [prefixOf(run)],
    )
    for (const { datname } of rows) await client.query(`drop database if exists ${datname} with (force)`)
  })
}

/** Returns the settings of a site with this database and with keys of the test. */
export function settingsFor(url: string): Record<string, string> {
  return { DATABASE_URL: url, ...(isPostgresUrl(url) && { SESSION_KEYS: KEY }) }
}

/** Returns the file of a SQLite URL. */
export function fileOf(url: string): string {
  return url.slice('sqlite:'.length)
}

/** Reads the database directly. `?` is a parameter on both databases. */
export async function rows<Row>(url: string, sql: string, ...parameters: unknown[]): Promise<Row[]> {
  if (isPostgresUrl(url)) {
    return queried(url, async (client) => (await client.query(numbered(sql), parameters)).rows)
  }
  return opened(url, (connection) => connection.prepare<unknown[], Row>(sql).all(...parameters))
}

function numbered(sql: string): string {
  let parameter = 0
  return sql.replaceAll('?', () => `$${++parameter}`)
}

/** Changes the database directly. */
export async function write(url: string, sql: string): Promise<void> {
  if (isPostgresUrl(url)) await queried(url, (client) => client.query(sql))
  else opened(url, (connection) => connection.exec(sql))
}

/** Locks the database for writing, like a backup, until the returned function is called. */
export async function lock(url: string): Promise<() => Promise<void>> {
  return isPostgresUrl(url) ? lockTables(url) : lockFile(url)
}

/** Blocks inserts of users on a server, until the returned function is called. */
export async function lockInserts(url: string): Promise<() => Promise<void>> {
  const client = await connected(url)
  await client.query('begin; lock table users in share row exclusive mode')
  return () => client.end()
}

async function lockTables(url: string): Promise<() => Promise<void>> {
  const client = await connected(url)
  const { rows } = await client.query<{ tablename: string }>(
    // As transactions do, which lock the user first.
    "select tablename from pg_tables where schemaname = 'public' order by tablename <> 'users', tablename",
  )
  await client.query(`begin; lock table ${rows.map(({ tablename }) => tablename)} in exclusive mode`)
  return () => client.end()
}

function lockFile(url: string): () => Promise<void> {
  const connection = new BetterSqlite3(fileOf(url))
  connection.exec('begin immediate')
  return async () => void connection.close()
}

/** Whether `freeze` works on this system. */
export const canFreeze =
  server !== undefined || (process.platform === 'linux' && spawnSync('prlimit', ['--version']).status === 0)

/**
 * Stops all writes of this process, like a full disk or a standby server, until the returned function is called: no file
 * may grow, or the database accepts only read-only transactions.
 */
export async function freeze(url: string): Promise<() => Promise<void>> {
  return isPostgresUrl(url) ? freezeOnServer(url) : freezeFiles()
}

async function freezeOnServer(url: string): Promise<() => Promise<void>> {
  const name = new URL(url).pathname.slice(1)
  await write(url, `alter database ${name} set default_transaction_read_only = on`)
  // Open connections keep the old setting.
  await write(
    url,
    'select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
  )
  return async () => {
    await write(url, `begin read write; alter database ${name} reset default_transaction_read_only; commit`)
    // So do those of the test.
    await pools.get(url)?.end()
    pools.delete(url)
  }
}

// The kernel's limit needs no privileges: Node ignores the signal, and the write fails with EFBIG.
function freezeFiles(): () => Promise<void> {
  limitFiles('4096:unlimited')
  return async () => limitFiles('unlimited')
}

function limitFiles(size: string): void {
  const { status, stderr } = spawnSync('prlimit', [`--pid=${process.pid}`, `--fsize=${size}`], {
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(stderr)
}

function opened<Result>(url: string, work: (connection: BetterSqlite3.Database) => Result): Result {
  const connection = new BetterSqlite3(fileOf(url))
  try {
    return work(connection)
  } finally {
    connection.close()
  }
}

/** By URL. Their connections end a while after the last query. */
const pools = new Map<string, pg.Pool>()

async function queried<Result>(
  url: string,
  work: (client: pg.ClientBase) => Promise<Result>,
): Promise<Result> {
  const client = await poolFor(url).connect()
  try {
    return await work(client)
  } finally {
    client.release()
  }
}

function poolFor(url: string): pg.Pool {
  const known = pools.get(url)
  if (known !== undefined) return known
  const pool = new pg.Pool({ ...settingsOf(url), idleTimeoutMillis: IDLE_FOR, allowExitOnIdle: true })
  // Tests end connections, and stop servers.
  pool.on('error', () => {})
  pools.set(url, pool)
  return pool
}

async function connected(url: string): Promise<pg.Client> {
  const client = new pg.Client(settingsOf(url))
  await client.connect()
  return client
}

function settingsOf(url: string): pg.ClientConfig {
  return { connectionString: url, application_name: OWN, types: { getTypeParser: parserOf } }
}

const parserOf: typeof pg.types.getTypeParser = (type: number, format?: 'text' | 'binary') =>
  type === INT8 ? Number : pg.types.getTypeParser(type, format)
