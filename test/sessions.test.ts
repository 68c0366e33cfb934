import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { DAY, HOUR } from '../src/durations.js'
import { Site, type Visitor } from './helpers.js'

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
  site.clock.advance(HOUR)
  assert.ok(await isLoggedIn(kept))
  site.clock.advance(2)
  assert.not.ok(await isLoggedIn(kept), 'three hours are the most, however much it is used')
  await site.close()
})

test('with a recheck a page trusts what the database said for so long, and then asks again', async () => {
  const site = await Site.start({ environment: { SESSION_RECHECK_SECONDS: '30' } })
  await site.visitor().signUp('Bela')
  const visitor = await login(site, 'Bela')
  assert.ok(await isLoggedIn(visitor))
  await site.write('delete from sessions')
  site.clock.advance(29_999)
  assert.ok(await isLoggedIn(visitor))
  site.clock.advance(1)
  assert.not.ok(await isLoggedIn(visitor))
  await site.close()
})

test('with a recheck nothing that changes something trusts, and a logout here counts at once', async () => {
  const site = await Site.start({ environment: { SESSION_RECHECK_SECONDS: '30' } })
  await site.visitor().signUp('Cora')
  const revoked = await login(site, 'Cora')
  const form = await revoked.open('/members/recent/')
  await site.write('delete from sessions')
  assert.is((await revoked.send(form, { note: 'late' })).status, 403)

  const visitor = await login(site, 'Cora')
  assert.ok(await isLoggedIn(visitor))
  await visitor.send(await visitor.open('/logout/'))
  assert.not.ok(await isLoggedIn(visitor))
  await site.close()
})

test('with a recheck a session still ends when its time is over', async () => {
  const site = await Site.start({ environment: { SESSION_RECHECK_SECONDS: '3600', SESSION_IDLE: '30m' } })
  await site.visitor().signUp('Dora')
  const visitor = await login(site, 'Dora')
  assert.ok(await isLoggedIn(visitor))
  site.clock.advance(HOUR / 2)
  assert.not.ok(await isLoggedIn(visitor))
  await site.close()
})

test('without one every request asks', async () => {
  const site = await Site.start()
  const visitor = await site.visitor().settle('Emil')
  assert.ok(await isLoggedIn(visitor))
  await site.write('delete from sessions')
  assert.not.ok(await isLoggedIn(visitor))
  await site.close()
})

test('a thousand sessions that have ended are swept while pages are answered', async () => {
  const site = await Site.start()
  const visitor = await site.visitor().settle('Fanny')
  await visitor.open('/')
  const { database, clock } = site
  for (let count = 0; count < 1000; count += 100) await site.write(copies(count))
  await site.close()
  clock.advance(2 * DAY)
  const next = await Site.start({ database, now: clock.now })
  let longest = 0
  for (let left = 1; left > 0; ) {
    const start = performance.now()
    assert.is((await next.visitor().open('/login/')).status, 200)
    longest = Math.max(longest, performance.now() - start)
    left = (await next.rows('select id from sessions')).length
  }
  assert.ok(longest < 1000, `a page took ${longest} ms`)
  await next.close()
})

/** A statement that stores a hundred copies of the one session. */
function copies(from: number): string {
  const columns = 'user_id, kept, user_agent, address, created_at, last_seen_at, authenticated_at, expires_at'
  const one = (index: number) =>
    `select 'id ${index}', 'hash ${index}', 'form ${index}', ${columns} from sessions where id not like 'id %'`
  const all = Array.from({ length: 100 }, (_, index) => one(from + index)).join(' union all ')
  return `insert into sessions (id, token_hash, login_form, ${columns}) ${all}`
}

test.run()
