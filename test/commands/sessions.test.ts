import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createEvents } from '../../src/accounts/events.js'
import { endAll } from '../../src/commands/sessions/end.js'
import { type AccountEvent, createLog } from '../../src/index.js'
import { openDatabase } from '../../src/tables/schema.js'
import { assertDone, assertRefused, callGatehouse, type Outcome } from '../support/calling.js'
import { migratedDatabase, Site, until, type Visitor } from '../support/helpers.js'

const test = suite('gatehouse sessions')
let database: string
let site: Site

test.before.each(async () => {
  database = await migratedDatabase()
  site = await Site.start({ database })
  // The command uses the machine's clock.
  site.clock.time = Date.now()
})
test.after.each(() => site.close())

function call(...args: string[]): Promise<Outcome> {
  return callGatehouse(args, { database })
}

async function isLoggedIn(visitor: Visitor): Promise<boolean> {
  return (await visitor.open('/members/')).status === 200
}

async function loggedIn(...visitors: Visitor[]): Promise<number> {
  let count = 0
  for (const visitor of visitors) if (await isLoggedIn(visitor)) count += 1
  return count
}

/** Logs the visitor in, and returns how many emails about a new device were sent. */
async function emailsOfLogin(visitor: Visitor, name: string): Promise<number> {
  await site.emptyMailbox()
  await visitor.logIn(name)
  const rows = await site.rows<{ kind: string }>("select kind from mails where kind = 'login-new-device'")
  return rows.length
}

test('users logout ends all sessions of a user, and keeps the password', async () => {
  const anna = await site.visitor().settle('Anna')
  const phone = site.visitor()
  await phone.logIn('Anna')
  const bela = await site.visitor().settle('Bela')

  const done = await call('users', 'logout', 'anna')
  assertDone(done)
  assert.match(done.stdout, /^Logged Anna out everywhere\. Sessions ended: 2\.$/m)
  assert.is(await loggedIn(anna, phone), 0)
  assert.ok(await isLoggedIn(bela))
  assert.is(await emailsOfLogin(phone, 'Anna'), 1, 'the device is unknown')
  assert.ok(await isLoggedIn(phone))
  assert.match(
    (await phone.open('/account/activity/')).text,
    'All devices logged out and forgotten by the site',
  )
  assertRefused(await call('users', 'logout', 'nobody'), 1, /^No user found: nobody/)
})

test('sessions end logs all users out, but only with --all', async () => {
  const visitors = [await site.visitor().settle('Anna'), await site.visitor().settle('Bela')]
  assertRefused(await call('sessions', 'end'), 2, /gatehouse sessions end --all/)
  assert.is(await loggedIn(...visitors), 2)
  const done = await call('sessions', 'end', '--all')
  assertDone(done)
  assert.match(done.stdout, /^Logged all users out \(2\)\. Sessions ended: 2\.$/m)
  assert.is(await loggedIn(...visitors), 0)
})

test('sessions end --all counts users once across batches', async () => {
  const names = ['Anna', 'Bela', 'Cora', 'Dora', 'Edit']
  for (const name of names) await site.visitor().settle(name)
  await site.visitor().logIn('Edit')
  const opened = await openDatabase(database)
  const told: string[] = []
  const onEvent = ({ kind, by }: AccountEvent) => void told.push(`${kind} ${by}`)
  const reports = createEvents({ database: opened, log: createLog('silent'), onEvent })
  try {
    const outcome = await endAll({ database: opened, events: reports, now: site.clock.now }, 2)
    assert.is(outcome, 'Logged all users out (5). Sessions ended: 6.')
    await until(() => told.length >= 5)
    assert.equal(told, Array(5).fill('sessions_ended cli:sessions end'))
  } finally {
    await reports.close()
    await opened.close()
  }
  assert.equal(await site.rows('select id from sessions'), [])
  const events = await site.rows<{ user_id: string }>(
    "select user_id from events where kind = 'sessions_ended'",
  )
  assert.is(events.length, 5)
  const stamps = await site.rows<{ device_stamp: string }>(
    "select device_stamp from users where device_stamp = ''",
  )
  assert.equal(stamps, [])
})

test.run()
