import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import BetterSqlite3 from 'better-sqlite3'
import { sql } from 'kysely'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { migrations } from '../db/migrations/index.js'
import { type Database, openDatabase } from '../src/tables/database.js'
import type { Db } from '../src/tables/schema.js'
import { DatabaseUnavailable } from '../src/tables/unavailable.js'
import * as users from '../src/tables/users.js'
import { freshDatabase } from './helpers.js'
import { Program } from './program.js'
import { newUser } from './rows.js'

interface Context {
  file: string
  database: Database
}

const first = freshDatabase()
let tests = 0

const test = suite<Context>('database')

test.before.each(async (context) => {
  const url = `${first}-${++tests}`
  context.file = url.slice('sqlite:'.length)
  context.database = await openDatabase(url)
})

test.after.each(({ database }) => database.close())

async function setting(db: Db, name: string): Promise<unknown> {
  const { rows } = await sql<Record<string, unknown>>`pragma ${sql.raw(name)}`.execute(db)
  return Object.values(rows[0] ?? {})[0]
}

/** Holds the write lock as a backup or another process would, until the answered function is called. */
function lock(file: string): () => void {
  const other = new BetterSqlite3(file)
  other.exec('begin immediate')
  return () => other.close()
}

async function rejection(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => assert.unreachable('nothing was thrown'),
    (error: unknown) => error,
  )
}

test('keeps what was answered through a power cut, and what may get lost cheaply', async ({
  file,
  database,
}) => {
  for (const reopened of [false, true]) {
    const { main, loose, close } = reopened ? await openDatabase(`sqlite:${file}`) : database
    for (const db of [main, loose]) {
      assert.is(await setting(db, 'journal_mode'), 'wal')
      assert.is(await setting(db, 'foreign_keys'), 1)
    }
    assert.is(await setting(main, 'synchronous'), 2, 'FULL')
    assert.is(await setting(loose, 'synchronous'), 1, 'NORMAL')
    if (reopened) await close()
  }
})

test('can be read by its owner alone', async () => {
  const parent = mkdtempSync(join(tmpdir(), 'gatehouse-test-'))
  const folder = join(parent, 'new', 'folder')
  const umask = process.umask(0)
  const database = await openDatabase(`sqlite:${join(folder, 'test.sqlite')}`)
  process.umask(umask)
  try {
    await users.create(database, newUser('anna'))
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

test('names the file and the variable when the file is no database, and leaves it alone', async ({
  file,
}) => {
  const other = `${file}.txt`
  writeFileSync(other, 'This is no database.\n'.repeat(100))
  const error = await rejection(openDatabase(`sqlite:${other}`))
  assert.instance(error, Error)
  assert.match(String(error), other)
  assert.match(String(error), 'DATABASE_URL')
})

test('keeps the lock by which other programs know that the file is in use', async ({ file, database }) => {
  assert.is(await database.ready(), true)
  const locks = existsSync('/proc/locks') ? readFileSync('/proc/locks', 'utf8') : ''
  if (!locks.includes(` ${process.pid} `)) return // this system does not tell
  const { ino } = statSync(file)
  const lock = new RegExp(`POSIX +ADVISORY +READ +${process.pid} \\w+:\\w+:${ino} `)
  assert.match(locks, lock)
})

test('refuses a file with the tables of another program, and leaves it alone', async ({ file }) => {
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

test('gives up at once where no folder can be made', async () => {
  if (process.platform !== 'linux') return
  assert.match(
    String(await rejection(openDatabase('sqlite:/proc/gatehouse/data/x.sqlite'))),
    'cannot be opened',
  )
})

test('is ready when every migration has run, and not when one is missing', async ({ database }) => {
  assert.is(await database.ready(), true)
  await sql`delete from kysely_migration where name = ${Object.keys(migrations).at(-1)}`.execute(
    database.main,
  )
  assert.is(await database.ready(), false)
})

const OPENER = `
  import { createInterface } from 'node:readline'
  import { openDatabase } from ${JSON.stringify(pathToFileURL(join(import.meta.dirname, '../src/tables/database.js')))}
  console.log('waiting')
  for await (const url of createInterface({ input: process.stdin })) {
    if (url === '') break
    try {
      const database = await openDatabase(url)
      console.log(url + (await database.ready() ? ' is ready' : ' is not ready'))
      await database.close()
    } catch (error) {
      console.log(url + ' failed: ' + error.message)
    }
  }
  process.stdin.destroy()
`

test('is made once when six processes open it at once', async ({ file }) => {
  const cwd = dirname(file)
  const openers = Array.from({ length: 6 }, () => new Program(['--input-type=module', '-e', OPENER], { cwd }))
  try {
    await Promise.all(openers.map((opener) => opener.says(/^waiting$/m)))
    for (let round = 0; round < 8; round++) await openAtOnce(openers, join(cwd, `round-${round}.sqlite`))
  } finally {
    for (const opener of openers) opener.hear('')
    await Promise.all(openers.map(({ end }) => end))
  }
})

async function openAtOnce(openers: Program[], file: string): Promise<void> {
  for (const opener of openers) opener.hear(`sqlite:${file}`)
  const answers = await Promise.all(openers.map((opener) => opener.says(new RegExp(`${file}(.*)\n`))))
  assert.equal(
    answers.map(([, answer]) => answer),
    openers.map(() => ' is ready'),
  )
  const reader = new BetterSqlite3(file, { readonly: true })
  const ran = reader.prepare('select name from kysely_migration order by name').pluck().all()
  reader.close()
  assert.equal(ran, Object.keys(migrations))
}

test('answers reads at once while another process holds the lock, and writes when it lets go', async ({
  file,
  database,
}) => {
  await users.create(database, newUser('anna'))
  const release = lock(file)
  let written = false
  const write = users.create(database, newUser('bela')).then((created) => {
    written = created
  })
  const start = performance.now()
  for (let read = 0; read < 20; read++) assert.ok(await users.bySlug(database.main, 'anna'))
  assert.ok(performance.now() - start < 500, 'reads are not held up')
  assert.is(written, false)
  release()
  await write
  assert.is(written, true)
})

test('lets the process breathe while many writers wait for a lock', async ({ file, database }) => {
  await users.create(database, newUser('anna'))
  const release = lock(file)
  const writers = Array.from({ length: 100 }, (_, index) => users.create(database, newUser(`user${index}`)))
  const longest = await longestRead(database, { rounds: 10 })
  release()
  assert.equal(new Set(await Promise.all(writers)), new Set([true]))
  assert.ok(longest < 500, `a page that only reads would wait ${longest.toFixed()} ms`)
})

async function longestRead({ main }: Database, { rounds }: { rounds: number }): Promise<number> {
  let longest = 0
  for (let round = 0; round < rounds; round++) {
    const start = performance.now()
    await users.bySlug(main, 'anna')
    longest = Math.max(longest, performance.now() - start)
  }
  return longest
}

test('gives a write up with 503 when the lock is held for longer than a visitor waits', async ({
  file,
  database,
}) => {
  const release = lock(file)
  const start = performance.now()
  const error = await rejection(users.create(database, newUser('anna')))
  const waited = performance.now() - start
  release()
  assert.instance(error, DatabaseUnavailable)
  assert.is((error as DatabaseUnavailable).status, 503)
  assert.ok((error as DatabaseUnavailable).retryAfter > 0)
  assert.ok(waited > 2000 && waited < 8000, `gave up after ${waited.toFixed()} ms`)
  assert.is(await users.create(database, newUser('anna')), true)
})

test.run()
