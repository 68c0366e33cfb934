import pg from 'pg'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Site, until } from '../support/helpers.js'

const test = suite('emails on PostgreSQL')
let site: Site

test.before(async () => {
  site = await Site.start()
})
test.after(() => site.close())

const WAITING =
  "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"

test('an email that is being prepared does not hold up a request that cancels it', async () => {
  await site.visitor().settle('Anna')
  await site.emptyMailbox()
  const request = new pg.Client(site.database)
  await request.connect()
  try {
    await request.query("begin; select 1 from users where name = 'Anna' for no key update")
    const visitor = site.visitor()
    const asked = await visitor.send(await visitor.open('/password/forgot/'), { username: 'Anna' })
    assert.is(asked.status, 303)
    await until(async () => (await site.rows(WAITING)).length > 0, 'the email waits for its user')
    await request.query("set local lock_timeout = '100ms'")
    assert.is((await request.query('delete from mails')).rowCount, 1)
    await request.query('commit')
  } finally {
    await request.end()
  }
  assert.equal(await site.mails('Anna@example.com', 0), [])
})

test.run()
