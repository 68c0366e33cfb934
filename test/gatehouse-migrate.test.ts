import { existsSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { migrations } from '../db/migrations/index.js'
import { isPostgresUrl } from '../src/tables/location.js'
import { assertDone, assertRefused, callGatehouse, type Outcome } from './calling.js'
import { fileOf, rows, write } from './databases.js'
import { freshDatabase } from './helpers.js'

const test = suite('gatehouse migrate')
let database: string

test.before.each(async () => {
  database = await freshDatabase()
})

function call(...args: string[]): Promise<Outcome> {
  return callGatehouse(['migrate', ...args], { database })
}

/** What the steps from 0012 on have added to tables, beside tables of their own. */
const ADDED = [
  ['users', 'language', 'ended_devices'],
  ['tokens', 'used_form'],
  ['sessions', 'device', 'last_address', 'last_user_agent', 'jump_address', 'jump_user_agent', 'jumped_at'],
] as const

const UP_TO_DATE = 'The database is up to date.\n'

test('does the steps that are missing, says which, and leaves alone what is up to date', async () => {
  const steps = Object.keys(migrations)
  const lost = steps.filter((step) => step >= '0012')
  const first = await call()
  assertDone(first)
  assert.is(first.stdout, `${steps.map((step) => `Done: ${step}\n`).join('')}${UP_TO_DATE}`)
  assert.is((await call('--check')).stdout, UP_TO_DATE)

  await write(database, "delete from kysely_migration where name >= '0012'")
  await write(database, 'drop table keys')
  await write(database, 'drop table erasures')
  await write(database, 'drop index users_created_at_id')
  for (const [table, ...columns] of ADDED) {
    for (const column of columns) await write(database, `alter table ${table} drop column ${column}`)
  }
  for (const _ of ['once', 'and again, for it does nothing']) {
    assertRefused(await call('--check'), 1, new RegExp(`^The database lacks ${lost.join(', ')}\\.$`, 'm'))
  }
  const second = await call()
  assertDone(second)
  assert.is(second.stdout, `${lost.map((step) => `Done: ${step}\n`).join('')}${UP_TO_DATE}`)
  assert.is((await call()).stdout, UP_TO_DATE)
  assert.equal(await rows(database, 'select language from users'), [])
})

test('looks at a database that is not there, or empty, without making anything', async () => {
  const sentence = isPostgresUrl(database) ? /^The database lacks 0001-users, / : /^There is no database /
  assertRefused(await call('--check'), 1, sentence)
  if (!isPostgresUrl(database)) assert.not.ok(existsSync(fileOf(database)))
  else assert.equal(await rows(database, "select 1 from pg_tables where schemaname = 'public'"), [])
})

test('says how it is called, and what it does not understand', async () => {
  const help = await call('--help')
  assertDone(help)
  assert.match(help.stdout, /^gatehouse migrate --check$/m)
  assertRefused(await call('--force'), 2, /--force/)
  assertRefused(await call('now'), 2, /now/)
})

test.run()
