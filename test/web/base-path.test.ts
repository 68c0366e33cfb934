import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { MINUTE } from '../../src/base/durations.js'
import { requireRecentLogin, requireUser, typedOf, userOf } from '../../src/index.js'
import { Site, Visitor } from '../support/helpers.js'
import { Host } from '../support/host.js'
import { stripping } from '../support/stripping-proxy.js'

const test = suite('a path that the proxy strips, and the path of cookies')

const ORIGIN = 'https://example.com'

test('an app’s own pages and Gatehouse redirect to each other, and typed text comes back', async () => {
  const proxy = await stripping('/club')
  const host = await Host.start({
    baseUrl: `${proxy.address}/club`,
    routes(router) {
      router.get('/private', requireUser, (ctx) => {
        ctx.body = `Hello ${userOf(ctx)?.name}`
      })
      router.get('/order', requireRecentLogin, (ctx) => {
        ctx.body = `typed: ${typedOf(ctx).thing ?? ''}`
      })
      router.post('/order', requireRecentLogin, (ctx) => {
        ctx.body = 'ordered'
      })
    },
  })
  const address = host.server.address()
  proxy.forwardTo(`http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`)
  const visitor = new Visitor(proxy.address)
  const refused = await visitor.open('/club/private')
  assert.is(refused.headers.location, '/club/members/login/?next=%2Fclub%2Fprivate')
  const signup = await visitor.open('/club/members/signup')
  assert.is(signup.headers.location, '/club/members/signup/')
  const done = await visitor.send(await visitor.open('/club/members/signup/'), {
    username: 'Anna',
    email: 'anna@example.com',
    password: 'correct horse 42',
    repassword: 'correct horse 42',
  })
  assert.is(done.headers.location, '/club/')
  const login = await visitor.open(refused.headers.location ?? '')
  const welcome = await visitor.send(login, { username: 'Anna', password: 'correct horse 42' })
  assert.is(welcome.headers.location, '/club/private')
  assert.is((await visitor.open('/club/private')).text, 'Hello Anna')
  host.clock.advance(11 * MINUTE)
  const asked = await visitor.post('/club/order', 'thing=an+apple', {
    Origin: proxy.address,
    Referer: `${proxy.address}/club/order`,
  })
  assert.is(asked.status, 403)
  assert.match(asked.text, 'action="/club/members/password/confirm/verify/"')
  const back = await visitor.confirm(asked)
  assert.is(back.text, 'typed: an apple')
  assert.equal(proxy.elsewhere, [])
  await host.close()
  await proxy.close()
})

test('a proxy that does not strip the path is logged once', async () => {
  const site = await Site.start({ environment: { BASE_URL: `${ORIGIN}/club`, MAIL: 'off' } })
  const noted = () => site.logs.filter((line) => line.includes('the proxy must strip it')).length
  await site.visitor().open('/login/')
  assert.is(noted(), 0)
  assert.is((await site.visitor().open('/club/login/')).status, 404)
  await site.visitor().open('/club/login/')
  assert.is(noted(), 1)
  await site.close()
})

test('two sites on one host, each with its own path, do not touch each other’s cookies', async () => {
  const jar = new Visitor('http://127.0.0.1')
  const sites = await Promise.all(
    ['/one', '/two'].map(async (base) => {
      const proxy = await stripping(base)
      const site = await Site.start({
        environment: { BASE_URL: `${proxy.address}${base}`, COOKIE_PATH: base },
      })
      proxy.forwardTo(site.address)
      const visitor = new Visitor(proxy.address)
      visitor.agent.jar = jar.agent.jar
      return { base, proxy, site, visitor }
    }),
  )
  for (const { base, visitor } of sites) {
    const name = `user ${base.slice(1)}`
    const typed = { username: name, email: `${base.slice(1)}@example.com` }
    const password = { password: 'correct horse 42', repassword: 'correct horse 42' }
    await visitor.send(await visitor.open(`${base}/signup/`), { ...typed, ...password })
    await visitor.send(await visitor.open(`${base}/login/`), { username: name, password: 'correct horse 42' })
  }
  for (const { base, visitor } of sites) {
    assert.match((await visitor.open(`${base}/account/`)).$('main').text(), `user ${base.slice(1)}`)
  }
  for (const { site, proxy } of sites) {
    await site.close()
    await proxy.close()
  }
})

test('over https cookies with a path have __Secure-, others __Host-', async () => {
  const site = await Site.start({
    environment: { BASE_URL: `${ORIGIN}/club`, COOKIE_PATH: '/club', MAIL: 'off' },
  })
  const cookies = [
    ...(await site.visitor().open('/login/')).cookies,
    ...(await site.visitor().open('/login/?lang=de')).cookies,
  ]
  assert.ok(cookies.length > 1)
  for (const cookie of cookies) {
    assert.match(cookie, /^__Secure-gatehouse-\w+=/)
    assert.match(cookie, /; path=\/club;.*; secure; httponly/i)
  }
  await site.close()
  const whole = await Site.start({ environment: { BASE_URL: `${ORIGIN}/club`, MAIL: 'off' } })
  const ofHost = (await whole.visitor().open('/login/')).cookies
  assert.ok(ofHost.length > 0)
  for (const cookie of ofHost) {
    assert.match(cookie, /^__Host-gatehouse-\w+=.*; path=\/;/)
  }
  await whole.close()
})

test('a cookie path that does not cover all pages is refused', async () => {
  const refused = async (options: object, sentence: RegExp) => {
    try {
      await (await Host.start(options)).close()
    } catch (error) {
      return assert.match(String(error), sentence)
    }
    assert.unreachable(String(sentence))
  }
  await refused({ cookiePath: '/shop' }, /Option cookiePath must be a prefix of \/members,/)
  await refused({ cookiePath: '/member' }, /Option cookiePath must be a prefix of \/members,/)
  await refused({ cookiePath: '/members/x' }, /Option cookiePath must be a prefix of \/members,/)
  await refused({ cookiePath: '/members/' }, /Option cookiePath must be a path like \/members/)
  await refused(
    { cookiePath: '/members', baseUrl: `${ORIGIN}/club`, mail: 'off' },
    /must be a prefix of \/club\/members,/,
  )
  await refused({ baseUrl: `${ORIGIN}/a//b` }, /Option baseUrl must look like/)
  await refused({ baseUrl: `${ORIGIN}/club?x` }, /Option baseUrl must look like/)
  await (await Host.start({ cookiePath: '/members' })).close()
})

test.run()
