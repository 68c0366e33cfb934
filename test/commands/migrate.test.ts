import { existsSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { migrations } from '../../db/migrations/index.js'
import { isPostgresUrl } from '../../src/database/locate.js'
import { assertDone, assertRefused, callGatehouse, type Outcome } from '../support/calling.js'
import { fileOf, rows } from '../support/databases.js'
import { freshDatabase } from '../support/helpers.js'
import { undoMigrations } from '../support/older.js'

const test = suite('gatehouse migrate')
let database: string

test.before.each(async () => {
  database = await freshDatabase()
})

function call(...args: string[]): Promise<Outcome> {
  return callGatehouse(['migrate', ...args], { database })
}

const UP_TO_DATE = 'The database is up to date.\n'

test('runs and lists the missing migrations, and none when up to date', async () => {
  const steps = Object.keys(migrations)
  const lost = steps.filter((step) => step >= '0012')
  const first = await call()
  assertDone(first)
  assert.is(first.stdout, `${steps.map((step) => `Ran ${step}\n`).join('')}${UP_TO_DATE}`)
  assert.is((await call('--check')).stdout, UP_TO_DATE)

  await undoMigrations(database, '0012')
  for (const _ of ['once', 'and again, for it does nothing']) {
    assertRefused(
      await call('--check'),
      1,
      new RegExp(`^Missing migrations: ${lost.join(', ')}\\. Run gatehouse migrate\\.$`, 'm'),
    )
  }
  const second = await call()
  assertDone(second)
  assert.is(second.stdout, `${lost.map((step) => `Ran ${step}\n`).join('')}${UP_TO_DATE}`)
  assert.is((await call()).stdout, UP_TO_DATE)
  assert.equal(await rows(database, 'select language from users'), [])
})

test('--check creates nothing in a missing or empty database', async () => {
  const sentence = isPostgresUrl(database) ? /^Missing migrations: 0001-users, / : /^Database not found: /
  assertRefused(await call('--check'), 1, sentence)
  if (!isPostgresUrl(database)) assert.not.ok(existsSync(fileOf(database)))
  else assert.equal(await rows(database, "select 1 from pg_tables where schemaname = 'public'"), [])
})

test('prints its help, and names an unknown option', async () => {
  const help = await call('--help')
  assertDone(help)
  assert.match(help.stdout, /^Usage: gatehouse migrate \[--check\]$/m)
  assertRefused(await call('--force'), 2, /--force/)
  assertRefused(await call('now'), 2, /now/)
})

test.run()
