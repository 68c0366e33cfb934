import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { sql } from 'kysely'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { migrations } from '../../db/migrations/index.js'
import { DatabaseUnavailable } from '../../src/database/unavailable.js'
import { type Database, openDatabase } from '../../src/tables/schema.js'
import * as users from '../../src/tables/users.js'
import { freshDatabase, lock, rows } from '../support/databases.js'
import { Program } from '../support/program.js'
import { createUser, NOW, newUser } from '../support/rows.js'

const test = suite<{ url: string; database: Database }>('database')

test.before.each(async (context) => {
  context.url = await freshDatabase()
  context.database = await openDatabase(context.url)
})

test.after.each(({ database }) => database.close())

async function rejection(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => assert.unreachable('nothing was thrown'),
    (error: unknown) => error,
  )
}

test('is ready only when every migration has run', async ({ database }) => {
  assert.is(await database.ready(), true)
  await sql`delete from kysely_migration where name = ${Object.keys(migrations).at(-1)}`.execute(
    database.main,
  )
  assert.is(await database.ready(), false)
})

const OPENER = `
  import { createInterface } from 'node:readline'
  import { openDatabase } from ${JSON.stringify(pathToFileURL(join(import.meta.dirname, '../../src/database/open.js')))}
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

test('six processes that open it in parallel migrate it once', async () => {
  const cwd = tmpdir()
  const openers = Array.from({ length: 6 }, () => new Program(['--input-type=module', '-e', OPENER], { cwd }))
  try {
    await Promise.all(openers.map((opener) => opener.says(/^waiting$/m)))
    for (let round = 0; round < 8; round++) await openInParallel(openers, await freshDatabase())
  } finally {
    for (const opener of openers) opener.hear('')
    await Promise.all(openers.map(({ end }) => end))
  }
})

async function openInParallel(openers: Program[], url: string): Promise<void> {
  for (const opener of openers) opener.hear(url)
  const answers = await Promise.all(openers.map((opener) => opener.says(new RegExp(`${url}(.*)\n`))))
  assert.equal(
    answers.map(([, answer]) => answer),
    openers.map(() => ' is ready'),
  )
  const ran = await rows<{ name: string }>(url, 'select name from kysely_migration order by name')
  assert.equal(
    ran.map(({ name }) => name),
    Object.keys(migrations),
  )
}

test('reads do not wait for another process’s lock, writes do', async ({ url, database }) => {
  await createUser(database, newUser('anna'))
  const release = await lock(url)
  let written = false
  const write = createUser(database, newUser('bela')).then((created) => {
    written = created
  })
  // One that waited for the lock would fail: it is held until all have read.
  for (let read = 0; read < 20; read++) assert.ok(await users.bySlug(database.main, 'anna', NOW))
  assert.is(written, false)
  await release()
  await write
  assert.is(written, true)
})

test('waiting writers do not block the event loop', async ({ url, database }) => {
  await createUser(database, newUser('anna'))
  const release = await lock(url)
  let done = 0
  const writers = Array.from({ length: 100 }, async (_, index) => {
    const created = await createUser(database, newUser(`user${index}`)).catch(() => false)
    done++
    return created
  })
  // Each that blocked the event loop while it waits would have given up before the first read.
  for (let round = 0; round < 10; round++) await users.bySlug(database.main, 'anna', NOW)
  assert.is(done, 0)
  await release()
  assert.equal(new Set(await Promise.all(writers)), new Set([true]))
})

test('a write that waits too long for a lock fails with 503', async ({ url, database }) => {
  const release = await lock(url)
  const start = performance.now()
  // It gives up although the lock is held for as long as it takes.
  const error = await rejection(createUser(database, newUser('anna')))
  const waited = performance.now() - start
  await release()
  assert.instance(error, DatabaseUnavailable)
  assert.is((error as DatabaseUnavailable).status, 503)
  assert.ok((error as DatabaseUnavailable).retryAfter > 0)
  assert.ok(waited > 2000, `gave up after ${waited.toFixed()} ms`)
  assert.is(await createUser(database, newUser('anna')), true)
})

test.run()
