import pg from 'pg'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Site, until, type Visitor } from '../support/helpers.js'

/* Whoever locks a user's other rows without the user first holds up a request that has the user and wants those rows. */

const test = suite<{ visitor: Visitor; request: pg.Client }>('the order of locks on PostgreSQL')
let site: Site

test.before(async () => {
  site = await Site.start()
})
test.after(() => site.close())

test.before.each(async (context) => {
  context.visitor = await site.visitor().settle('Anna')
  await site.emptyMailbox()
  context.request = new pg.Client(site.database)
  await context.request.connect()
  await context.request.query("begin; select 1 from users where name = 'Anna' for no key update")
})
test.after.each(async ({ request }) => {
  await request.end()
  await site.write('delete from users')
})

async function someoneWaits(): Promise<void> {
  const waiting =
    "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
  await until(async () => (await site.rows(waiting)).length > 0, 'a transaction waits for the user')
}

async function deleteAtOnce(request: pg.Client, table: string): Promise<void> {
  await request.query("set local lock_timeout = '100ms'")
  assert.is((await request.query(`delete from ${table}`)).rowCount, 1)
  await request.query('commit')
}

test('an email that is being prepared locks its user first', async ({ request }) => {
  const stranger = site.visitor()
  const asked = await stranger.send(await stranger.open('/password/forgot/'), { username: 'Anna' })
  assert.is(asked.status, 303)
  await someoneWaits()
  await deleteAtOnce(request, 'mails')
  assert.equal(await site.mails('Anna@example.com', 0), [])
})

test('the end of a session locks its user first', async ({ visitor, request }) => {
  const page = await visitor.open('/account/devices/')
  const ending = visitor.send(page, {}, page.$('form[action$="/revoke/"]').attr('action'))
  await someoneWaits()
  await deleteAtOnce(request, 'sessions')
  assert.is((await ending).status, 303)
})

test.run()
