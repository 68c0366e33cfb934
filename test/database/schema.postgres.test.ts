import { sql } from 'kysely'
import pg from 'pg'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { DatabaseLocation } from '../../src/database/location.js'
import { type Database, openDatabase } from '../../src/tables/schema.js'
import * as users from '../../src/tables/users.js'
import { freshDatabase, rows, write } from '../support/databases.js'
import { createUser, NOW, newUser } from '../support/rows.js'

const test = suite<{ url: string; opened: Database[] }>('a PostgreSQL schema or pool of the app')

test.before.each(async (context) => {
  context.url = await freshDatabase()
  context.opened = []
})

test.after.each(async ({ opened }) => {
  for (const database of opened) await database.close()
})

async function refusal(location: DatabaseLocation): Promise<string> {
  const error = await openDatabase(location).then(
    () => assert.unreachable('nothing was thrown'),
    (error: unknown) => error,
  )
  return error instanceof Error ? error.message : ''
}

async function schemasWith(url: string, table: string): Promise<string[]> {
  const found = await rows<{ schemaname: string }>(
    url,
    'select schemaname from pg_tables where tablename = ? order by 1',
    table,
  )
  return found.map(({ schemaname }) => schemaname)
}

async function isThere({ main }: Database, slug: string): Promise<boolean> {
  return (await users.bySlug(main, slug, NOW)) !== undefined
}

test('sites with different schemas in one database are separate', async ({ url, opened }) => {
  const one = await openDatabase({ url, schema: 'one' })
  const two = await openDatabase({ url, schema: 'two' })
  const plain = await openDatabase(url)
  opened.push(one, two, plain)
  for (const database of opened) assert.is(await createUser(database, newUser('anna')), true)
  await createUser(one, newUser('zoe'))
  assert.equal(await Promise.all(opened.map((database) => isThere(database, 'zoe'))), [true, false, false])
  for (const table of ['users', 'mails', 'kysely_migration', 'kysely_migration_lock']) {
    assert.equal(await schemasWith(url, table), ['one', 'public', 'two'], table)
  }
  await write(url, 'drop schema one cascade')
  assert.equal(await Promise.all(opened.map(({ ready }) => ready())), [false, true, true])
})

test('an existing schema is used without the right to create one', async ({ url }) => {
  const [self] = await rows<{ may: boolean }>(
    url,
    'select rolsuper or rolcreaterole as may from pg_roles where rolname = current_user',
  )
  if (self?.may !== true) return // another server, where this test may not create roles
  const role = `role_${process.pid}_${Date.now()}`
  await write(url, `create role ${role} login password 'very-secret'`)
  await write(url, `create schema accounts authorization ${role}`)
  const address = new URL(url)
  address.username = role
  address.password = 'very-secret'
  const database = await openDatabase({ url: address.href, schema: 'accounts' })
  assert.is(await createUser(database, newUser('anna')), true)
  await database.close()
  const said = await refusal({ url: address.href, schema: 'others' })
  assert.match(said, 'permission denied')
  assert.not.match(said, 'secret')
  await write(url, `drop owned by ${role} cascade; drop role ${role}`)
})

test('a schema in the search path of DATABASE_URL is used', async ({ url, opened }) => {
  const plain = await openDatabase(url)
  const site = await openDatabase({ url, schema: 'accounts' })
  const same = await openDatabase(`${url}?options=-c%20search_path%3Daccounts`)
  opened.push(plain, site, same)
  await createUser(site, newUser('anna'))
  assert.is(await isThere(same, 'anna'), true)
  assert.is(await isThere(plain, 'anna'), false)
  assert.match(await refusal(`${url}?options=-c%20search_path%3Dnowhere`), 'its search path names no schema')
})

test('an app’s table with the name of one of Gatehouse’s is an error at start', async ({ url, opened }) => {
  await write(url, 'create table slugs (whose text)')
  const said = await refusal(url)
  assert.match(said, 'the table slugs belongs to another program; give Gatehouse its own schema')
  assert.equal(await schemasWith(url, 'users'), [])
  opened.push(await openDatabase({ url, schema: 'accounts' }))
  assert.equal(await schemasWith(url, 'slugs'), ['accounts', 'public'])
  assert.equal(await rows(url, 'select * from public.slugs'), [])
})

test('an app’s own Kysely migrations are kept', async ({ url, opened }) => {
  await write(url, 'create table kysely_migration (name text, timestamp text)')
  await write(url, "insert into kysely_migration values ('2019', '')")
  assert.match(await refusal(url), 'the table kysely_migration belongs to another program')
  opened.push(await openDatabase({ url, schema: 'accounts' }))
  assert.equal(await rows(url, 'select name from public.kysely_migration'), [{ name: '2019' }])
})

const SETTINGS = [
  'lock_timeout',
  'synchronous_commit',
  'search_path',
  'application_name',
  'statement_timeout',
]

async function settingsOf(pool: pg.Pool): Promise<unknown> {
  const { rows } = await pool.query('select setting from pg_settings where name = any($1) order by name', [
    SETTINGS,
  ])
  return rows
}

function partsOf(url: string): pg.PoolConfig {
  const { hostname, port, username, password, pathname } = new URL(url)
  const database = pathname.slice(1)
  return { host: hostname, port: Number(port), user: username, password: async () => password, database }
}

for (const [how, configOf] of [
  ['a connection string', (url: string): pg.PoolConfig => ({ connectionString: url })],
  ['separate settings and a password function', partsOf],
] as const) {
  test(`the app’s pool made with ${how} is neither changed nor ended`, async ({ url }) => {
    const pool = new pg.Pool({ ...configOf(url), max: 1, application_name: 'host', statement_timeout: 900 })
    const before = await settingsOf(pool)
    const database = await openDatabase({ postgres: pool, schema: 'accounts' })
    assert.is(await createUser(database, newUser('anna')), true)
    const held = await pool.connect()
    assert.is(await isThere(database, 'anna'), true, 'Gatehouse uses none of its connections')
    held.release()
    await database.close()
    assert.equal(await settingsOf(pool), before)
    const { rows } = await pool.query('select created_at from accounts.users')
    assert.type(rows[0].created_at, 'string', 'the app still reads integers in its own way')
    assert.is(pool.ended, false)
    await pool.end()
  })
}

test('Gatehouse’s connections have its own settings', async ({ url, opened }) => {
  const pool = new pg.Pool({ connectionString: url, lock_timeout: 7 })
  const database = await openDatabase({ postgres: pool, schema: 'accounts' })
  opened.push(database)
  const { rows } = await sql`select current_setting('lock_timeout') as wait, 1::bigint as number`.execute(
    database.main,
  )
  assert.equal(rows, [{ wait: '1s', number: 1 }])
  await pool.end()
})

test('a pool that cannot connect is reported without its password', async () => {
  const nowhere = { user: 'anna', password: 'very-secret', database: 'none', connectionTimeoutMillis: 500 }
  for (const config of [
    { ...nowhere, host: '127.0.0.1', port: 1 },
    { connectionString: 'postgres://anna:very-secret@127.0.0.1:1/none' },
  ]) {
    const pool = new pg.Pool(config)
    const said = await refusal({ postgres: pool })
    assert.match(said, 'Cannot use the database server 127.0.0.1')
    assert.not.match(said, 'secret')
    await pool.end()
  }
})

for (const schema of ['', 'Accounts', 'a"; drop schema public', 'pg_accounts', '1a', 'a'.repeat(64)]) {
  test(`the schema name ${JSON.stringify(schema).slice(0, 20)} is refused`, async ({ url }) => {
    assert.match(await refusal({ url, schema }), 'Option database.schema must be a name like accounts')
  })
}

test.run()
