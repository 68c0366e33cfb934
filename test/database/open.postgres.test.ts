import { sql } from 'kysely'
import pg from 'pg'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { DatabaseUnavailable } from '../../src/database/unavailable.js'
import * as limits from '../../src/tables/limits.js'
import type { Db } from '../../src/tables/schema.js'
import { type Database, openDatabase } from '../../src/tables/schema.js'
import * as users from '../../src/tables/users.js'
import { freshDatabase, write } from '../support/databases.js'
import { createUser, NOW, newUser } from '../support/rows.js'

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

async function select<Value>(db: Db, expression: string): Promise<Value | undefined> {
  const { rows } = await sql<{ value: Value }>`select ${sql.raw(expression)} as value`.execute(db)
  return rows[0]?.value
}

test('acknowledged writes survive a power cut, whatever the server’s default', async ({ database }) => {
  const commits = (db: Db) => select(db, "current_setting('synchronous_commit')")
  assert.is(await commits(database.main), 'on')
  assert.is(await database.write(commits), 'on')
  assert.is(await commits(database.loose), 'off')
})

test('prepared statements survive a column that a newer version adds', async ({ database }) => {
  assert.is(await createUser(database, newUser('anna')), true)
  await database.main.connection().execute(async (db) => {
    const find = async () => (await users.byNameKey(db, 'anna'))?.user.name
    assert.equal([await find(), await find()], ['anna', 'anna'])
    const kept =
      await sql`select name from pg_prepared_statements where statement like '%"name_key" =%'`.execute(db)
    assert.is(kept.rows.length, 1)
    await sql`alter table users add column later text`.execute(db)
    assert.is(await find(), 'anna')
  })
})

test('reads bigints as numbers, without changing pg for the app', async ({ database }) => {
  assert.is(await select(database.main, '1767225600000::bigint'), 1_767_225_600_000)
  assert.is(pg.types.getTypeParser(pg.types.builtins.INT8)('1'), '1')
})

/** Throws the error that the server itself would. */
function raise(db: Db, code: string): Promise<unknown> {
  return sql`do ${sql.lit(`begin raise exception using errcode = '${code}'; end`)}`.execute(db)
}

for (const [what, code] of [
  ['a serialization failure', '40001'],
  ['a deadlock', '40P01'],
  ['a lock held by another transaction', '55P03'],
] as const) {
  test(`retries a write after ${what}`, async ({ database }) => {
    let times = 0
    const answer = await database.write(async (transaction) => {
      if (++times < 3) await raise(transaction, code)
      return 'written'
    })
    assert.is(answer, 'written')
    assert.is(times, 3)
  })
}

test('workers on one machine share the connections', async ({ url }) => {
  const database = await openDatabase(url, { workers: 4 })
  const asked = Array.from({ length: 6 }, () =>
    select(database.main, '(select pg_backend_pid() from pg_sleep(0.05))'),
  )
  assert.is(new Set(await Promise.all(asked)).size, 2)
  await database.close()
})

/** Makes a statement fail twice with a serialization failure. A sequence keeps counting when all else is rolled back. */
const TWICE = "if nextval('times') < 3 then raise exception using errcode = '40001'; end if;"

test('retries a single statement, and reports it', async ({ url }) => {
  await write(url, 'create sequence times')
  const seen: DatabaseUnavailable[] = []
  const database = await openDatabase(url, { onRetry: (error) => void seen.push(error) })
  await sql`do ${sql.lit(`begin ${TWICE} end`)}`.execute(database.main)
  assert.is(await select(database.main, '(select last_value from times)'), 3)
  assert.is(seen.length, 2)
  await database.close()
})

test('retries a transaction that failed at commit', async ({ url, database }) => {
  await write(
    url,
    `create sequence times;
     create function fail() returns trigger as ${sqlText(`begin ${TWICE} return null; end`)} language plpgsql;
     create constraint trigger fail after insert on users deferrable initially deferred
       for each row execute function fail()`,
  )
  assert.is(await createUser(database, newUser('anna')), true)
  assert.is(await select(database.main, '(select last_value from times)'), 3)
  assert.is(await select(database.main, '(select count(*) from users)'), 1)
})

function sqlText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

test('does not retry if the outcome of the commit is unknown', async ({ database }) => {
  let times = 0
  const error = await rejection(
    database.write((transaction) => {
      times++
      return raise(transaction, '40003')
    }),
  )
  assert.instance(error, DatabaseUnavailable)
  assert.is(times, 1)
})

test('parallel migrations work without advisory locks', async () => {
  const url = await freshDatabase()
  await write(
    url,
    `create function pg_advisory_lock(bigint) returns void language plpgsql
     as 'begin raise exception using errcode = ''0A000''; end'`,
  )
  // The server's own functions come last.
  const address = `${url}?options=-c%20search_path%3Dpublic,pg_catalog`
  const opened = await Promise.all(Array.from({ length: 4 }, () => openDatabase(address)))
  for (const database of opened) {
    assert.instance(await rejection(select(database.main, 'pg_advisory_lock(1)')), Error)
    assert.is(await database.ready(), true)
    await database.close()
  }
})

test('a sweep skips rows locked by another node', async ({ url, database }) => {
  await write(url, "insert into limits select 'key ' || number, 1, 0 from generate_series(1, 30) number")
  const node = await openDatabase(url)
  await node.write(async (transaction) => {
    assert.is(await limits.sweep(transaction, { now: NOW, batch: 20 }), 20)
    // One that waited for the others would find them locked for good, and fail.
    assert.is(await limits.sweep(database.loose, { now: NOW, batch: 20 }), 10)
  })
  assert.is(await select(database.main, '(select count(*) from limits)'), 0)
  await node.close()
})

for (const [what, code] of [
  ['a full disk', '53100'],
  ['too many connections', '53300'],
  ['a server that is shutting down', '57P01'],
  ['a server that is starting', '57P03'],
  ['a read-only server', '25006'],
] as const) {
  test(`is unavailable because of ${what}, and recovers`, async ({ database }) => {
    const error = await rejection(database.write((transaction) => raise(transaction, code)))
    assert.instance(error, DatabaseUnavailable)
    assert.is(await createUser(database, newUser('anna')), true)
  })
}

test('a programming error is not reported as unavailable', async ({ database }) => {
  assert.not.instance(await rejection(select(database.main, 'nothing')), DatabaseUnavailable)
  const broken = rejection(database.write((transaction) => select(transaction, 'nothing')))
  assert.not.instance(await broken, DatabaseUnavailable)
})

test('a connection lost in a transaction is reported, and replaced', async ({ url, database }) => {
  const error = await rejection(
    database.write(async (transaction) => {
      const pid = await select<number>(transaction, 'pg_backend_pid()')
      await write(url, `select pg_terminate_backend(${pid})`)
      await select(transaction, '1')
    }),
  )
  assert.instance(error, DatabaseUnavailable)
  assert.match(String(error), /database is unavailable/)
  assert.is(await createUser(database, newUser('anna')), true)
})

test('close waits for running transactions', async ({ url, database }) => {
  await createUser(database, newUser('anna'))
  const other = await openDatabase(url)
  const begun = other.loose.updateTable('users').set({ updated_at: 1 }).execute()
  await new Promise((resolve) => setImmediate(resolve))
  await other.close()
  await begun
  assert.is(await select(database.main, '(select updated_at from users)'), 1)
})

test('an account reopened at the last moment is not deleted', async ({ url, database }) => {
  await createUser(database, newUser('anna'))
  await write(url, "update users set closed_at = 1, erase_at = 2 where name = 'anna'")
  const other = await openDatabase(url)
  await database.write(async (transaction) => {
    await users.reopen(transaction, 'id of anna', 3)
    const swept = await other.write((sweeping) => users.lockExpired(sweeping, 'id of anna', 3))
    assert.is(swept, undefined)
  })
  await other.close()
  assert.ok(await users.byId(database.main, 'id of anna'))
})

test.run()
