import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { isPostgresUrl } from '../../../src/database/locate.js'
import { openDatabase } from '../../../src/tables/schema.js'
import { count } from '../../../src/tables/users-list.js'
import { assertDone, callGatehouse, type Outcome } from '../../support/calling.js'
import { write } from '../../support/databases.js'
import { migratedDatabase } from '../../support/helpers.js'
import { createUser, newUser } from '../../support/rows.js'

const test = suite('gatehouse users list')
let database: string

test.before.each(async () => {
  database = await migratedDatabase()
})

function call(args: string[]): Promise<Outcome> {
  return callGatehouse(['users', ...args], { database })
}

/** Creates users in the order of their names, a second apart. */
async function withUsers(...names: string[]): Promise<void> {
  const opened = await openDatabase(database)
  for (const [index, name] of names.entries()) {
    const createdAt = Date.UTC(2026, 0, 1, 0, 0, index)
    assert.ok(await createUser(opened, newUser(name, { createdAt })))
  }
  await opened.close()
}

async function names(...args: string[]): Promise<string[]> {
  const outcome = await call(['list', '--json', ...args])
  assertDone(outcome)
  const { users }: { users: { name: string }[] } = JSON.parse(outcome.stdout)
  return users.map(({ name }) => name)
}

test('lists, searches by part of a username or email, and continues a page', async () => {
  await withUsers('anna', 'bela', 'cora', 'dora_x', 'doraxx')
  const first = await call(['list', '--limit', '2'])
  assertDone(first)
  const [head, anna, bela, more = '', ...others] = first.stdout.split('\n')
  assert.match(head ?? '', /^USERNAME +EMAIL +CONFIRMED +STATE +CREATED +LAST LOGIN$/)
  assert.match(anna ?? '', /^anna +anna@example\.com +no +open +2026-01-01 +never$/)
  assert.match(bela ?? '', /^bela /)
  assert.equal(others, [''])
  const [, place = ''] = /^More: add --after (.+)$/.exec(more) ?? []
  assert.equal(await names('--after', place, '--limit', '2'), ['cora', 'dora_x'])
  assert.equal(await names('--search', 'ORA'), ['cora', 'dora_x', 'doraxx'])
  assert.equal(await names('--search', 'ra_x'), ['dora_x'], 'there are no wildcards')
  assert.equal(await names('--search', 'Bela@EXAMPLE'), ['bela'])
  assert.equal(await names('--search', '%'), [])
  assert.is((await call(['list', '--search', '%'])).stdout, 'No users found.\n')
})

test('filters by state, and finds unconfirmed addresses', async () => {
  await withUsers('anna', 'bela', 'cora')
  await write(database, "update users set closed_at = 1, erase_at = 2 where name = 'anna'")
  await write(database, "update users set disabled_at = 1, email_confirmed_at = 1 where name = 'bela'")
  await write(
    database,
    "update users set email_key = 'unconfirmed x', email = 'Cora@example.com' where name = 'cora'",
  )
  assert.equal(await names('--state', 'closed'), ['anna'])
  assert.equal(await names('--state', 'disabled'), ['bela'])
  assert.equal(await names('--state', 'open'), ['cora'])
  assert.equal(await names('--state', 'unconfirmed'), ['anna', 'cora'])
  assert.equal(await names('--search', 'cora@'), ['cora'])
  assert.equal(await names('--search', 'unconfirmed'), [])
})

test('--csv prints all users, without formulas', async () => {
  await withUsers('anna', '-bela', 'c"o,ra')
  await write(database, "update users set email = '=cmd()@example.com' where name = 'anna'")
  const { stdout, stderr, code } = await call(['list', '--csv'])
  assert.is(code, 0, stderr)
  assert.is(stderr, '', 'no progress bar without a terminal')
  const [head, anna, bela, cora, ...rest] = stdout.split('\r\n')
  // Excel reads UTF-8 only after a byte order mark.
  assert.is(head, '\uFEFFid,name,email,confirmed,state,created,last login')
  assert.is(anna, `id of anna,anna,"'=cmd()@example.com",,open,2026-01-01T00:00:00.000Z,`)
  assert.match(bela ?? '', `"'-bela","'-bela@example.com"`)
  assert.match(cora ?? '', '"c""o,ra"')
  assert.equal(rest, [''])
  assert.match((await call(['list', '--csv', '--search', 'bela'])).stdout, /^\uFEFFid,.+\r\n.+bela.+\r\n$/)
})

test('counts the users for the progress bar', async () => {
  await withUsers('anna', 'bela', 'cora')
  const opened = await openDatabase(database)
  assert.is(await count(opened.main, {}), 3)
  assert.is(await count(opened.main, { search: 'bel', state: 'open' }), 1)
  assert.is(await count(opened.main, { state: 'closed' }), 0)
  await opened.close()
})

test('--csv streams 100,000 users in 64 MB', async () => {
  await withUsers()
  const numbers = isPostgresUrl(database)
    ? 'select n from generate_series(1, 100000) n'
    : 'with recursive s(n) as (select 1 union all select n + 1 from s where n < 100000) select n from s'
  const longest = 'x'.repeat(200)
  await write(
    database,
    `insert into users (id, name, name_key, slug, email, email_key, password_hash, signup_form, device_stamp, created_at, updated_at)
     select 'id' || n, 'user' || n, 'user' || n, 'user' || n, n || '${longest}@example.com', n || '@example.com', '', '', '', 1000 * (n / 7), 0
     from (${numbers}) numbers`,
  )
  const outcome = await callGatehouse(['users', 'list', '--csv'], {
    database,
    node: ['--max-old-space-size=64'],
  })
  assertDone(outcome)
  const lines = outcome.stdout.trimEnd().split('\r\n')
  assert.is(lines.length, 100_001)
  assert.is(new Set(lines).size, 100_001, 'each once')
  const page = await call(['list', '--limit', '3', '--search', 'user99999', '--json'])
  assert.match(page.stdout, '"user99999"')
})

test.run()
