/* A test cannot cut the power, so it checks that no write is acknowledged before the log is flushed to the disk. */
import fs, { symlinkSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { setTimeout as pause } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { sql } from '../../src/database/kysely.js'
import { DatabaseUnavailable } from '../../src/database/unavailable.js'
import { type Database, openDatabase } from '../../src/tables/schema.js'
import { fileOf, freshDatabase } from '../support/databases.js'
import { createUser, newUser } from '../support/rows.js'

interface Context {
  file: string
  database: Database
  /** Runs in place of each sync of a file, if set. */
  instead: ((sync: () => Promise<void>) => Promise<void>) | undefined
  restore(): void
}

// sqlite.org, PRAGMA synchronous.
const FULL = 2

const test = suite<Context>('SQLite’s log')

test.before.each(async (context) => {
  const url = await freshDatabase()
  context.file = fileOf(url)
  context.database = await openDatabase(url)
  context.instead = undefined
  const handle = await open(context.file)
  const files: FileHandle = Object.getPrototypeOf(handle)
  await handle.close()
  const { datasync } = files
  files.datasync = function (this: FileHandle) {
    const sync = () => datasync.call(this)
    return context.instead?.(sync) ?? sync()
  }
  context.restore = () => {
    files.datasync = datasync
  }
})

test.after.each(async ({ database, restore }) => {
  restore()
  await database.close()
})

test('parallel writes share one flush, and wait for it', async (context) => {
  const { database } = context
  const answered: string[] = []
  const create = async (name: string) => {
    assert.is(await createUser(database, newUser(name)), true)
    answered.push(name)
  }
  let syncs = 0
  let release = () => {}
  const begun = new Promise<void>((resolve) => {
    context.instead = async (sync) => {
      syncs += 1
      resolve()
      await new Promise<void>((go) => {
        release = go
      })
      await sync()
    }
  })
  const first = [create('anna'), create('bert'), create('cleo')]
  await begun
  const later = [create('dora'), create('emil')]
  await pause(50)
  assert.equal(answered, [])
  assert.is(syncs, 1)

  release()
  await Promise.all(first)
  assert.equal(answered, ['anna', 'bert', 'cleo'])
  await pause(50)
  assert.is(syncs, 2, 'writes during a flush wait for the next one')
  assert.is(answered.length, 3)
  release()
  await Promise.all(later)
  assert.is(syncs, 2)
})

test('a failed flush fails the write, and the next write tries again', async (context) => {
  const { database } = context
  context.instead = () => Promise.reject(Object.assign(new Error('EIO: i/o error'), { code: 'EIO' }))
  const refused = await createUser(database, newUser('anna')).catch((error: unknown) => error)
  assert.instance(refused, DatabaseUnavailable)
  assert.is(refused instanceof DatabaseUnavailable && refused.status, 503)
  context.instead = undefined
  assert.is(await createUser(database, newUser('bert')), true)
})

if (process.platform !== 'win32') {
  test('the log of a database behind a symbolic link is flushed, too', async ({ file }) => {
    symlinkSync(file, `${file}-link`)
    const linked = await openDatabase(`sqlite:${file}-link`)
    assert.is(await createUser(linked, newUser('anna')), true)
    await linked.close()
  })
}

test('where Node flushes no files, SQLite does at each commit', async () => {
  const { fdatasyncSync } = fs
  fs.fdatasyncSync = () => {
    throw Object.assign(new Error('fdatasync API is disabled.'), { code: 'ERR_ACCESS_DENIED' })
  }
  syncBuiltinESMExports()
  const database = await openDatabase(await freshDatabase()).finally(() => {
    fs.fdatasyncSync = fdatasyncSync
    syncBuiltinESMExports()
  })
  const { rows } = await sql`pragma synchronous`.execute(database.main)
  assert.equal(rows, [{ synchronous: FULL }])
  assert.is(await createUser(database, newUser('anna')), true)
  await database.close()
})

test.run()
