import { cpSync, mkdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'
import BetterSqlite3 from 'better-sqlite3'
import { sql } from 'kysely'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { isConstraintError, isTaken } from '../../src/database/constraints.js'
import type { DatabaseLocation } from '../../src/database/location.js'
import { DatabaseUnavailable } from '../../src/database/unavailable.js'
import { openDatabase } from '../../src/tables/schema.js'
import * as users from '../../src/tables/users.js'
import { fileOf, freshDatabase } from '../support/databases.js'
import { createUser, NOW, newUser } from '../support/rows.js'

const test = suite<{ file: string; handle: BetterSqlite3.Database }>('a SQLite handle of the app')

test.before.each(async (context) => {
  context.file = fileOf(await freshDatabase())
  context.handle = new BetterSqlite3(context.file)
  context.handle.exec("create table notes (text); insert into notes values ('a note')")
})

test.after.each(({ handle }) => void handle.close())

async function refusal(location: DatabaseLocation): Promise<string> {
  const error = await openDatabase(location).then(
    () => assert.unreachable('nothing was thrown'),
    (error: unknown) => error,
  )
  assert.instance(error, Error)
  return error instanceof Error ? error.message : ''
}

function tablesOf(handle: BetterSqlite3.Database): string[] {
  return handle
    .prepare<[], string>("select name from sqlite_schema where type = 'table' order by name")
    .pluck()
    .all()
}

const PRAGMAS = ['journal_mode', 'synchronous', 'foreign_keys', 'busy_timeout', 'cache_size', 'query_only']

function pragmasOf(handle: BetterSqlite3.Database): unknown[] {
  return PRAGMAS.map((name) => handle.pragma(name, { simple: true }))
}

for (const mode of ['delete', 'wal']) {
  test(`adds Gatehouse’s tables to the app’s file and keeps its settings: ${mode}`, async ({
    file,
    handle,
  }) => {
    for (const pragma of [`journal_mode = ${mode}`, 'foreign_keys = off', 'synchronous = off'])
      handle.pragma(pragma)
    const before = pragmasOf(handle)
    const database = await openDatabase({ sqlite: handle })
    assert.is(await createUser(database, newUser('anna')), true)
    assert.is(await database.ready(), true)
    assert.equal(pragmasOf(handle), before)
    assert.is(handle.prepare('select name from users').pluck().get(), 'anna')
    assert.is(handle.prepare('select text from notes').pluck().get(), 'a note')
    await database.close()
    assert.is(handle.open, true)
    assert.equal(handle.pragma('integrity_check', { simple: true }), 'ok')

    for (const location of [{ sqlite: handle }, `sqlite:${file}`]) {
      const again = await openDatabase(location)
      assert.ok(await users.bySlug(again.main, 'anna', NOW))
      await again.close()
      assert.is(handle.pragma('journal_mode', { simple: true }), mode)
    }
  })
}

test('acknowledged writes survive a power cut without WAL, too', async ({ handle }) => {
  const { main, loose, close } = await openDatabase({ sqlite: handle })
  for (const db of [main, loose]) {
    const { rows } = await sql<{ synchronous: number }>`pragma synchronous`.execute(db)
    assert.equal(rows, [{ synchronous: 2 }])
  }
  await close()
})

test('transactions of the app and of Gatehouse are separate', async ({ handle }) => {
  handle.pragma('journal_mode = wal')
  const database = await openDatabase({ sqlite: handle })
  handle.exec("begin immediate; insert into notes values ('taken back')")
  const created = createUser(database, newUser('anna'))
  await new Promise((resolve) => setTimeout(resolve, 20))
  handle.exec('rollback')
  assert.is(await created, true)

  const failed = database.write(async (transaction) => {
    await sql`update users set name = 'nobody'`.execute(transaction)
    throw new Error('taken back')
  })
  assert.match(String(await failed.catch((error: unknown) => error)), 'taken back')
  handle.exec("insert into notes values ('kept')")
  assert.equal(handle.prepare('select text from notes').pluck().all(), ['a note', 'kept'])
  assert.equal(handle.prepare('select name from users').pluck().all(), ['anna'])
  await database.close()
})

test('Gatehouse never locks the file against the app', async ({ file, handle }) => {
  handle.pragma('journal_mode = wal')
  const database = await openDatabase({ sqlite: handle })
  const impatient = new BetterSqlite3(file, { timeout: 0 })
  const note = impatient.prepare("insert into notes values ('a turn')")
  let creating = true
  const created = Promise.all(
    Array.from({ length: 50 }, async (_, index) => {
      await new Promise((resolve) => setImmediate(resolve))
      return createUser(database, newUser(`user${index}`))
    }),
  ).finally(() => {
    creating = false
  })
  let turns = 0
  for (; creating; turns++) {
    note.run()
    await new Promise((resolve) => setImmediate(resolve))
  }
  assert.equal(new Set(await created), new Set([true]))
  assert.ok(turns > 0)
  impatient.close()
  await database.close()
})

test('the file is found after the working directory changed', async ({ file }) => {
  const here = process.cwd()
  const handle = new BetterSqlite3(relative(here, file))
  process.chdir('/')
  const database = await openDatabase({ sqlite: handle })
  process.chdir(here)
  assert.ok(tablesOf(handle).includes('users'))
  await database.close()
  handle.close()
})

for (const table of ['users', 'Sessions', 'tokens']) {
  test(`an app’s own table ${table} is kept, and is an error at start`, async ({ handle }) => {
    handle.exec(`create table ${table} (whose)`)
    const before = tablesOf(handle)
    const said = await refusal({ sqlite: handle })
    assert.match(said, `the table ${table.toLowerCase()} belongs to another program`)
    assert.match(said, 'give Gatehouse its own file')
    assert.equal(tablesOf(handle), before)
  })
}

test('an app’s own Kysely migrations are kept', async ({ handle }) => {
  handle.exec(
    "create table kysely_migration (name, timestamp); insert into kysely_migration values ('1', '')",
  )
  assert.match(await refusal({ sqlite: handle }), 'the table kysely_migration belongs to another program')
})

test('closed, read-only and in-memory handles are refused', async ({ file, handle }) => {
  for (const name of [':memory:', '']) {
    const memory = new BetterSqlite3(name)
    assert.match(await refusal({ sqlite: memory }), 'is in memory. Pass a handle on a file.')
    memory.close()
  }
  const reader = new BetterSqlite3(file, { readonly: true })
  assert.match(await refusal({ sqlite: reader }), 'is read-only. Pass a writable handle.')
  reader.close()
  assert.match(await refusal({ sqlite: reader }), 'is closed')
  assert.equal(tablesOf(handle), ['notes'])
})

test('connections are opened by the app’s copy of better-sqlite3', async ({ file }) => {
  const Copy = copyOfBetterSqlite3(dirname(file))
  const handle = new Copy(file)
  handle.pragma('journal_mode = wal')
  const database = await openDatabase({ sqlite: handle })
  handle.exec('begin immediate')
  const created = createUser(database, newUser('anna'))
  await new Promise((resolve) => setTimeout(resolve, 20))
  handle.exec('rollback')
  assert.is(await created, true, 'its errors are recognized')
  handle.exec('create table own (id text primary key)')
  const insert = () => database.write((transaction) => sql`insert into own values ('a')`.execute(transaction))
  await insert()
  const repeated = await insert().catch((error: unknown) => error)
  assert.instance(repeated, Copy.SqliteError)
  assert.ok(isTaken(repeated))
  assert.ok(isConstraintError(repeated))
  await sql`pragma max_page_count = 1`.execute(database.main)
  const full = await database
    .write((transaction) => sql`create table big as select zeroblob(1000000)`.execute(transaction))
    .catch((error: unknown) => error)
  assert.instance(full, DatabaseUnavailable)
  const cause = full instanceof Error ? full.cause : undefined
  assert.instance(cause, Copy.SqliteError)
  assert.not.instance(cause, BetterSqlite3.SqliteError)
  await database.close()
  handle.close()
})

function copyOfBetterSqlite3(folder: string): typeof BetterSqlite3 {
  const require = createRequire(import.meta.url)
  const place = join(folder, 'node_modules')
  mkdirSync(place)
  for (const name of ['better-sqlite3', 'bindings', 'file-uri-to-path']) {
    const from = dirname(require.resolve(`${name}/package.json`))
    cpSync(from, join(place, name), {
      recursive: true,
      filter: (path) => !/[/\\](?:deps|src|obj)$/.test(path),
    })
  }
  return createRequire(join(place, '../support/host.js'))('better-sqlite3')
}

test.run()
