import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import BetterSqlite3 from 'better-sqlite3'
import { sql } from 'kysely'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { DatabaseUnavailable } from '../../src/database/unavailable.js'
import type { Db } from '../../src/tables/schema.js'
import { type Database, openDatabase } from '../../src/tables/schema.js'
import * as users from '../../src/tables/users.js'
import { fileOf, freshDatabase } from '../support/databases.js'
import { createUser, NOW, newUser } from '../support/rows.js'

interface Context {
  file: string
  database: Database
}

const test = suite<Context>('SQLite')

test.before.each(async (context) => {
  const url = await freshDatabase()
  context.file = fileOf(url)
  context.database = await openDatabase(url)
})

test.after.each(({ database }) => database.close())

async function setting(db: Db, name: string): Promise<unknown> {
  const { rows } = await sql<Record<string, unknown>>`pragma ${sql.raw(name)}`.execute(db)
  return Object.values(rows[0] ?? {})[0]
}

async function rejection(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => assert.unreachable('nothing was thrown'),
    (error: unknown) => error,
  )
}

test('durability comes from flushing the log, not from each commit', async ({ file, database }) => {
  for (const reopened of [false, true]) {
    const { main, loose, close } = reopened ? await openDatabase(`sqlite:${file}`) : database
    for (const db of [main, loose]) {
      assert.is(await setting(db, 'journal_mode'), 'wal')
      assert.is(await setting(db, 'foreign_keys'), 1)
    }
    for (const db of [main, loose]) assert.is(await setting(db, 'synchronous'), 1, 'NORMAL')
    if (reopened) await close()
  }
})

test('statements are planned once, whatever their values', ({ database }) => {
  const { main } = database
  const read = main
    .selectFrom('slugs')
    .innerJoin('users', 'users.id', 'slugs.user_id')
    .selectAll()
    .where('slugs.slug', '=', 'somebody')
    .where('closed_at', 'is', null)
    .where(({ eb, or }) => or([eb('until', 'is', null), eb('until', '>', NOW)]))
    .limit(5)
    .offset(2)
  const write = main.updateTable('users').set({ language: 'en' }).where('id', '=', 'somebody')
  assert.match(read.compile().sql, /"slug" = \(select \?\)/)
  assert.match(read.compile().sql, /"until" > \(select \?\)\) limit \(select \?\) offset \(select \?\)$/)
  assert.match(read.compile().sql, /"closed_at" is null/)
  assert.is(write.compile().sql, 'update "users" set "language" = ? where "id" = (select ?)')
})

test('rows have the columns that the statement names, and those of * follow the table', async ({
  database,
}) => {
  const { main } = database
  await sql`create table fruits (name text primary key, weight integer)`.execute(main)
  const insert = (name: string) =>
    sql`insert into fruits values (${name}, null) returning weight, name as called`.execute(main)
  const named = () => sql`select weight, upper(name) as loud, name from fruits order by name`.execute(main)
  const every = () => sql`select * from fruits`.execute(main)
  assert.equal((await named()).rows, [])
  assert.equal((await insert('pear')).rows, [{ weight: null, called: 'pear' }])
  assert.equal((await every()).rows, [{ name: 'pear', weight: null }])
  assert.equal((await insert('fig')).rows, [{ weight: null, called: 'fig' }])
  await sql`alter table fruits drop column weight`.execute(main)
  await sql`alter table fruits add column weight text default '1 g'`.execute(main)
  await sql`alter table fruits add column color text default 'green'`.execute(main)
  assert.equal((await named()).rows, [
    { weight: '1 g', loud: 'FIG', name: 'fig' },
    { weight: '1 g', loud: 'PEAR', name: 'pear' },
  ])
  assert.equal((await every()).rows[0], { name: 'pear', weight: '1 g', color: 'green' })
})

test('only its owner can read the file', async () => {
  const parent = mkdtempSync(join(tmpdir(), 'gatehouse-test-'))
  const folder = join(parent, 'new', 'folder')
  const umask = process.umask(0)
  const database = await openDatabase(`sqlite:${join(folder, 'test.sqlite')}`)
  process.umask(umask)
  try {
    await createUser(database, newUser('anna'))
    assert.is(modeOf(folder), '700')
    assert.is(modeOf(dirname(folder)), '700')
    const modes = readdirSync(folder).map((name) => [name, modeOf(join(folder, name))])
    assert.equal(
      modes.filter(([, mode]) => mode !== '600'),
      [],
    )
    assert.ok(modes.length > 0)
  } finally {
    await database.close()
    rmSync(parent, { recursive: true })
  }
})

function modeOf(path: string): string {
  return (statSync(path).mode & 0o777).toString(8)
}

test('names a file that is not a database, and leaves it unchanged', async ({ file }) => {
  const other = `${file}.txt`
  writeFileSync(other, 'This is no database.\n'.repeat(100))
  const error = await rejection(openDatabase(`sqlite:${other}`))
  assert.instance(error, Error)
  assert.match(String(error), other)
  assert.match(String(error), 'DATABASE_URL')
})

test('keeps the lock that marks the file as in use', async ({ file, database }) => {
  assert.is(await database.ready(), true)
  const locks = existsSync('/proc/locks') ? readFileSync('/proc/locks', 'utf8') : ''
  if (!locks.includes(` ${process.pid} `)) return // this system does not show locks
  const { ino } = statSync(file)
  const lock = new RegExp(`POSIX +ADVISORY +READ +${process.pid} \\w+:\\w+:${ino} `)
  assert.match(locks, lock)
})

test('refuses a file of another program, and leaves it unchanged', async ({ file }) => {
  const foreign = `${file}-foreign`
  const other = new BetterSqlite3(foreign)
  other.exec('create table notes (text)')
  await assertRefused(foreign)
  other.exec(
    "drop table notes; create table kysely_migration (name, timestamp); insert into kysely_migration values ('2019', '')",
  )
  await assertRefused(foreign)
  other.exec('drop table kysely_migration; pragma application_id = 42')
  await assertRefused(foreign)
  other.close()
})

async function assertRefused(foreign: string): Promise<void> {
  const before = readFileSync(foreign)
  assert.match(String(await rejection(openDatabase(`sqlite:${foreign}`))), 'another program')
  assert.ok(readFileSync(foreign).equals(before))
}

test('fails at once if the folder cannot be created', async () => {
  if (process.platform !== 'linux') return
  assert.match(
    String(await rejection(openDatabase('sqlite:/proc/gatehouse/data/x.sqlite'))),
    'Cannot open the database',
  )
})

test('on a full disk writes are unavailable, reads work, and it recovers', async ({ database }) => {
  await createUser(database, newUser('anna'))
  await sql`pragma max_page_count = 1`.execute(database.main)
  const full = await fill(database)
  assert.instance(full, DatabaseUnavailable)
  assert.is((full as DatabaseUnavailable).status, 503)
  assert.ok(await users.bySlug(database.main, 'anna', NOW))
  assert.is(await database.ready(), true)
  await sql`pragma max_page_count = 1000000`.execute(database.main)
  assert.is(await createUser(database, newUser('zoe')), true)
})

/** Creates users until that fails, and returns the error. */
async function fill(database: Database): Promise<unknown> {
  for (let index = 0; index < 1000; index++) {
    try {
      await createUser(database, newUser(`user${index}`, { passwordHash: 'x'.repeat(4000) }))
    } catch (error) {
      return error
    }
  }
  return undefined
}

test('reports the original error after SQLite rolled back by itself', async ({ database }) => {
  const full = new DatabaseUnavailable({ soon: false, cause: new Error('disk full') })
  try {
    await database.write(async (transaction) => {
      await sql`rollback`.execute(transaction)
      throw full
    })
    assert.unreachable()
  } catch (error) {
    assert.is(error, full)
  }
  assert.is(await createUser(database, newUser('anna')), true)
})

test.run()
