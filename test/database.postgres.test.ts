import { setTimeout as pause } from 'node:timers/promises'
import { sql } from 'kysely'
import pg from 'pg'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Database, openDatabase } from '../src/tables/database.js'
import type { Db } from '../src/tables/schema.js'
import { DatabaseUnavailable } from '../src/tables/unavailable.js'
import * as users from '../src/tables/users.js'
import { freshDatabase, write } from './databases.js'
import { createUser, newUser } from './rows.js'

const test = suite<{ url: string; database: Database }>('PostgreSQL')

test.before.each(async (context) => {
  context.url = await freshDatabase()
  const name = new URL(context.url).pathname.slice(1)
  await write(context.url, `alter database ${name} set synchronous_commit = off`)
  context.database = await openDatabase(context.url)
})

test.after.each(({ database }) => database.close())

async function rejection(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => assert.unreachable('nothing was thrown'),
    (error: unknown) => error,
  )
}

async function askFor<Value>(db: Db, expression: string): Promise<Value | undefined> {
  const { rows } = await sql<{ value: Value }>`select ${sql.raw(expression)} as value`.execute(db)
  return rows[0]?.value
}

test('keeps what was answered through a power cut, whatever the server does by default', async ({
  database,
}) => {
  const commits = (db: Db) => askFor(db, "current_setting('synchronous_commit')")
  assert.is(await commits(database.main), 'on')
  assert.is(await database.write(commits), 'on')
  assert.is(await commits(database.loose), 'off')
})

test('reads whole numbers as numbers, and leaves pg as it is for others', async ({ database }) => {
  assert.is(await askFor(database.main, '1767225600000::bigint'), 1_767_225_600_000)
  assert.is(pg.types.getTypeParser(pg.types.builtins.INT8)('1'), '1')
})

/** Throws as the server would throw by itself. */
function raise(db: Db, code: string): Promise<unknown> {
  return sql`do ${sql.lit(`begin raise exception using errcode = '${code}'; end`)}`.execute(db)
}

for (const [what, code] of [
  ['a serialization failure', '40001'],
  ['a deadlock', '40P01'],
  ['a lock that somebody else has', '55P03'],
] as const) {
  test(`writes again after ${what}`, async ({ database }) => {
    let times = 0
    const answer = await database.write(async (transaction) => {
      if (++times < 3) await raise(transaction, code)
      return 'written'
    })
    assert.is(answer, 'written')
    assert.is(times, 3)
  })
}

for (const [what, code] of [
  ['a full disk', '53100'],
  ['too many connections', '53300'],
  ['a server that is shutting down', '57P01'],
  ['a server that is starting', '57P03'],
  ['a read-only server', '25006'],
] as const) {
  test(`says that it cannot write now, because of ${what}, and recovers`, async ({ database }) => {
    const error = await rejection(database.write((transaction) => raise(transaction, code)))
    assert.instance(error, DatabaseUnavailable)
    assert.is(await createUser(database, newUser('anna')), true)
  })
}

test('does not take a mistake for a moment', async ({ database }) => {
  assert.not.instance(await rejection(askFor(database.main, 'nothing')), DatabaseUnavailable)
  const broken = rejection(database.write((transaction) => askFor(transaction, 'nothing')))
  assert.not.instance(await broken, DatabaseUnavailable)
})

test('says what had happened when a connection ends in the middle, and goes on with another', async ({
  url,
  database,
}) => {
  const error = await rejection(
    database.write(async (transaction) => {
      const pid = await askFor<number>(transaction, 'pg_backend_pid()')
      await write(url, `select pg_terminate_backend(${pid})`)
      await askFor(transaction, '1')
    }),
  )
  assert.instance(error, DatabaseUnavailable)
  assert.match(String(error), /not available/)
  assert.is(await createUser(database, newUser('anna')), true)
})

test('finishes what has begun before it closes', async ({ url, database }) => {
  await createUser(database, newUser('anna'))
  const other = await openDatabase(url)
  const begun = other.loose.updateTable('users').set({ updated_at: 1 }).execute()
  await new Promise((resolve) => setImmediate(resolve))
  await other.close()
  await begun
  assert.is(await askFor(database.main, '(select updated_at from users)'), 1)
})

test('erases nobody who takes the account back at the last moment', async ({ url, database }) => {
  await createUser(database, newUser('anna'))
  await write(url, "update users set closed_at = 1, erase_at = 2 where name = 'anna'")
  const reopened = database.write(async (transaction) => {
    await users.reopen(transaction, 'id of anna', 3)
    await sql`select pg_sleep(0.5)`.execute(transaction)
  })
  await pause(200)
  const [swept] = await Promise.all([users.sweep(database.loose, { now: 3, batch: 10 }), reopened])
  assert.is(swept, 0)
  assert.ok(await users.byId(database.main, 'id of anna'))
})

test.run()
