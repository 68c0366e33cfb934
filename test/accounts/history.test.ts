import { pino } from 'pino'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createEvents } from '../../src/accounts/events.js'
import { withEvent } from '../../src/accounts/history.js'
import { DAY } from '../../src/base/durations.js'
import { DatabaseUnavailable } from '../../src/database/unavailable.js'
import type { AccountEvent } from '../../src/index.js'
import type { EventsTable } from '../../src/tables/events.js'
import { openDatabase } from '../../src/tables/schema.js'
import * as users from '../../src/tables/users.js'
import { PASSWORD, Site, until } from '../support/helpers.js'
import { undoMigrations } from '../support/older.js'

const test = suite('events')

async function eventsOf(site: Site, name: string): Promise<EventsTable[]> {
  return site.rows<EventsTable>(
    'select events.* from events join users on users.id = user_id where name = ? order by events.id',
    name,
  )
}

async function kindsOf(site: Site, name: string): Promise<string[]> {
  return (await eventsOf(site, name)).map(({ kind }) => kind)
}

test('all events of an account are stored in order, with device, IP and time', async () => {
  const site = await Site.start()
  const visitor = site.visitor()
  visitor.agent.set('User-Agent', 'Test browser')
  await visitor.settle('Anna')
  site.clock.advance(10 * 60 * 1000)
  const form = await visitor.open('/password/confirm/')
  await visitor.send(form, { password: PASSWORD })
  await visitor.send(await visitor.open('/logout/'))
  assert.equal(await kindsOf(site, 'Anna'), ['signed_up', 'logged_in', 'password_confirmed', 'logged_out'])
  for (const event of await eventsOf(site, 'Anna')) {
    assert.is(event.user_agent, 'Test browser')
    assert.is(event.address, '127.0.0.1')
  }
  assert.is((await eventsOf(site, 'Anna'))[3]?.at, site.clock.now())
  await site.close()
})

test('failed logins and reached limits are stored while the site runs', async () => {
  const site = await Site.start()
  const owner = await site.visitor().settle('Bela')
  for (let tries = 0; tries < 7; tries++) await site.visitor().logIn('Bela', { password: 'wrong' })
  site.clock.advance(10 * 60 * 1000)
  await owner.send(await owner.open('/password/confirm/'), { password: 'wrong' })
  await until(async () => (await kindsOf(site, 'Bela')).length >= 9)
  assert.equal(await kindsOf(site, 'Bela'), [
    ...['signed_up', 'logged_in'],
    ...['login_failed', 'login_failed', 'login_failed', 'login_failed', 'login_failed', 'limit_hit'],
    'password_failed',
  ])
  await site.close()
})

test('an event that cannot be stored does not delay others', async () => {
  const site = await Site.start()
  await site.visitor().signUp('Gone')
  await site.visitor().signUp('Here')
  await site.visitor().logIn('Gone', { password: 'wrong' })
  await site.write("delete from users where name = 'Gone'")
  await site.visitor().logIn('Here', { password: 'wrong' })
  await site.close()
  assert.equal(await kindsOf(site, 'Here'), ['signed_up', 'login_failed'])
  assert.match(site.logs.join(''), /"level":50.*event lost/)
})

test('an event is reported once, even if the connection to the database breaks before the next is stored', async () => {
  const site = await Site.start()
  await site.visitor().signUp('Stored')
  const [{ id: userId } = { id: '' }] = await site.rows<{ id: string }>('select id from users')
  const database = await openDatabase(site.database)
  let writes = 0
  const breaking: typeof database = {
    ...database,
    async writeLoose(work) {
      if (++writes === 3)
        throw new DatabaseUnavailable({ soon: false, cause: new Error('the connection broke') })
      return database.writeLoose(work)
    },
  }
  const told: string[] = []
  const log = pino({ level: 'silent' })
  const events = createEvents({ database: breaking, log, onEvent: (event) => void told.push(event.userId) })
  const event = { kind: 'login_failed', about: null, by: 'self', at: 1, userAgent: '', address: '' } as const
  events.queue({ ...event, userId })
  events.queue({ ...event, userId: 'gone' })
  await until(() => writes > 3)
  await events.close()
  assert.equal(told, [userId])
  await database.close()
  await site.close()
})

test('waiting events are stored before the site closes', async () => {
  const site = await Site.start()
  await site.visitor().signUp('Cora')
  await site.visitor().logIn('Cora', { password: 'wrong' })
  await site.close()
  assert.equal(await kindsOf(site, 'Cora'), ['signed_up', 'login_failed'])
})

test('events contain no input, and an unknown username causes none', async () => {
  const site = await Site.start()
  await site.visitor().signUp('Dora')
  await site.visitor().logIn('my secret by mistake', { password: 'another secret' })
  await site.visitor().logIn('Dora', { password: 'another secret' })
  await site.close()
  const rows = await site.rows('select * from events')
  assert.is(rows.length, 2)
  assert.not.match(JSON.stringify(rows), 'secret')
})

test('work that returns undefined changes nothing, and null keeps its changes without an event', async () => {
  const site = await Site.start()
  await site.visitor().signUp('Anna')
  const [{ id: userId } = { id: '' }] = await site.rows<{ id: string }>('select id from users')
  const database = await openDatabase(site.database)
  const log = pino({ level: 'silent' })
  const told: string[] = []
  const events = createEvents({ database, log, onEvent: ({ kind }) => void told.push(kind) })
  const registry = { database, events, log, now: site.clock.now, pseudonym: () => '' }
  const origin = { by: 'self', address: '', userAgent: '' } as const
  const setLanguage = (language: string, result: true | null | undefined) =>
    withEvent(origin, registry, { kind: 'logged_in', userId }, async (transaction) => {
      await users.setLanguage(transaction, userId, language)
      return result
    })
  const outcomes = []
  for (const [language, result] of [
    ['de', true],
    ['fr', null],
    ['es', undefined],
  ] as const) {
    const done = await setLanguage(language, result)
    const [user] = await site.rows<{ language: string }>('select language from users')
    outcomes.push([done, user?.language])
  }
  assert.equal(outcomes, [
    [true, 'de'],
    [undefined, 'fr'],
    [undefined, 'fr'],
  ])
  await events.close()
  assert.equal(told, ['logged_in'])
  assert.equal(await kindsOf(site, 'Anna'), ['signed_up', 'logged_in'])
  await database.close()
  await site.close()
})

test('a sign-up that was refused, or lost a race, causes no events', async () => {
  const site = await Site.start()
  await Promise.all(
    ['one', 'two', 'three'].map((email) => site.visitor().signUp('Emil', { email: `${email}@example.com` })),
  )
  assert.equal(await kindsOf(site, 'Emil'), ['signed_up'])
  await site.close()
})

test('onEvent gets the same events after they are stored, and may throw', async () => {
  const told: AccountEvent[] = []
  const site = await Site.start({
    onEvent(event) {
      told.push(event)
      throw new Error('the host’s mistake')
    },
  })
  await site.visitor().settle('Fanny')
  await site.visitor().logIn('Fanny', { password: 'wrong' })
  await site.close()
  assert.equal(
    told.map(({ kind }) => kind),
    ['signed_up', 'logged_in', 'login_failed'],
  )
  const [{ id } = { id: '' }] = await site.rows<{ id: string }>('select id from users')
  assert.equal(new Set(told.map(({ userId }) => userId)), new Set([id]))
  assert.match(site.logs.join(''), /"level":50.*the host’s mistake/)
})

test('events are deleted after a year, and with their user', async () => {
  const site = await Site.start()
  await site.visitor().settle('Gerd')
  const { database, clock } = site
  await site.close()
  clock.advance(365 * DAY)
  const kept = await Site.start({ database, now: clock.now })
  await until(async () => (await kept.rows('select * from sessions')).length === 0)
  assert.is((await kindsOf(kept, 'Gerd')).length, 2)
  await kept.close()
  clock.advance(1)
  const later = await Site.start({ database, now: clock.now })
  await until(async () => (await later.rows('select * from events')).length === 0)
  assert.equal(await later.rows('select * from events'), [])

  await later.visitor().logIn('Gerd')
  assert.is((await later.rows('select * from events')).length, 1)
  await later.write('delete from users')
  assert.equal(await later.rows('select * from events'), [])
  await later.close()
})

test('the migration moves commands from the column of the browser to that of the actor', async () => {
  const site = await Site.start()
  await site.visitor().settle('Hanna')
  await site.visitor().settle('Igor')
  const { database } = site
  await site.write(
    "update events set user_agent = 'gatehouse users reset', address = '' where kind = 'signed_up'",
  )
  await site.write("update events set user_agent = 'gatehouse users reset' where kind = 'logged_in'")
  await site.close()
  await undoMigrations(database, '0019')
  const later = await Site.start({ database })
  for (const name of ['Hanna', 'Igor']) {
    assert.equal(
      (await eventsOf(later, name)).map(({ actor, user_agent }) => [actor, user_agent]),
      [
        ['cli:users reset', ''],
        ['self', 'gatehouse users reset'],
      ],
    )
  }
  await later.close()
})

test.run()
