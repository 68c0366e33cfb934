import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { DAY, HOUR } from '../../src/base/durations.js'
import { Site, type Visitor } from '../support/helpers.js'

const test = suite('sessions')

async function isLoggedIn(visitor: Visitor): Promise<boolean> {
  return (await visitor.open('/')).text.includes('Log out')
}

async function login(site: Site, name: string, typed: Record<string, string> = {}): Promise<Visitor> {
  const visitor = site.visitor()
  await visitor.logIn(name, typed)
  return visitor
}

test('lifetimes can be set', async () => {
  const environment = { SESSION_IDLE: '1h', SESSION_KEPT_IDLE: '2h', SESSION_MAX: '3h' }
  const site = await Site.start({ environment })
  await site.visitor().signUp('Anna')
  const brief = await login(site, 'Anna')
  const kept = await login(site, 'Anna', { keep: 'on' })
  site.clock.advance(HOUR - 1)
  assert.ok(await isLoggedIn(brief))
  site.clock.advance(HOUR)
  assert.not.ok(await isLoggedIn(brief))
  assert.ok(await isLoggedIn(kept))
  await site.useStored('Anna')
  site.clock.advance(HOUR)
  assert.ok(await isLoggedIn(kept))
  site.clock.advance(2)
  assert.not.ok(await isLoggedIn(kept), '3 hours are the maximum, however often it is used')
  await site.close()
})

test('a user has 40 sessions at most, and the least recently used one ends', async () => {
  const site = await Site.start()
  await site.visitor().signUp('Busy')
  const first = await login(site, 'Busy')
  site.clock.advance(1)
  const second = await login(site, 'Busy')
  for (let count = 2; count < 41; count++) {
    site.clock.advance(1)
    await login(site, 'Busy')
  }
  assert.is((await site.rows('select id from sessions')).length, 40)
  assert.not.ok(await isLoggedIn(first))
  assert.ok(await isLoggedIn(second))
  await site.close()
})

test('a session in use does not end, even if its idle time is below a minute', async () => {
  const site = await Site.start({ environment: { SESSION_IDLE: '50s' } })
  const visitor = await site.visitor().settle('Quick')
  for (let seconds = 0; seconds < 200; seconds += 20) {
    site.clock.advance(25_000)
    assert.ok(await isLoggedIn(visitor))
    await site.useStored('Quick')
  }
  await site.close()
})

test('a message is not shown after its session has ended', async () => {
  const site = await Site.start()
  await site.visitor().signUp('Mute')
  const visitor = await login(site, 'Mute')
  await site.write('delete from sessions')
  assert.equal((await visitor.open('/')).messages(), [])
  await site.close()
})

test('every request checks that the session still exists', async () => {
  const site = await Site.start()
  const visitor = await site.visitor().settle('Emil')
  assert.ok(await isLoggedIn(visitor))
  await site.write('delete from sessions')
  assert.not.ok(await isLoggedIn(visitor))
  await site.close()
})

test('1,000 ended sessions are swept while pages are served', async () => {
  const site = await Site.start()
  const visitor = await site.visitor().settle('Fanny')
  await visitor.open('/')
  const { database, clock } = site
  for (let count = 0; count < 1000; count += 100) await site.write(copies(count))
  await site.close()
  clock.advance(2 * DAY)
  const next = await Site.start({ database, now: clock.now })
  const left: number[] = []
  while (left.at(-1) !== 0) {
    assert.is((await next.visitor().open('/login/')).status, 200)
    left.push((await next.rows('select id from sessions')).length)
  }
  assert.ok(
    left.some((count) => count > 0 && count < 1000),
    `no page between two batches: ${left}`,
  )
  await next.close()
})

/** Returns a statement that stores 100 copies of the one session. */
function copies(from: number): string {
  const columns = 'user_id, kept, user_agent, address, created_at, last_seen_at, authenticated_at, expires_at'
  const one = (index: number) =>
    `select 'id ${index}', 'hash ${index}', 'form ${index}', ${columns} from sessions where id not like 'id %'`
  const all = Array.from({ length: 100 }, (_, index) => one(from + index)).join(' union all ')
  return `insert into sessions (id, token_hash, login_form, ${columns}) ${all}`
}

test.run()
