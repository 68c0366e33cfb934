import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { LIMITS } from '../../src/accounts/limit-rules.js'
import { DAY, HOUR, MINUTE } from '../../src/base/durations.js'
import type { AccountsOptions } from '../../src/index.js'
import { PASSWORD, Site, until, type Visitor, type VisitorOptions } from '../support/helpers.js'

const test = suite('limits')

const HERE = '203.0.113.7'

/** Starts a site behind one trusted proxy, so that visitors can come from any network. */
async function behindProxy(
  options: Partial<AccountsOptions> & { environment?: Record<string, string> } = {},
): Promise<Site> {
  const site = await Site.start({ ...options, environment: { TRUST_PROXY: '1', ...options.environment } })
  await visitorFrom(site, '192.0.2.1').signUp('Anna', { email: 'anna@example.com' })
  return site
}

function visitorFrom(site: Site, address: string, options?: VisitorOptions): Visitor {
  const visitor = site.visitor(options)
  visitor.agent.set('X-Forwarded-For', address)
  return visitor
}

async function fail(visitor: Visitor, times: number, username = 'Anna'): Promise<number[]> {
  const form = await visitor.open('/login/')
  const statuses: number[] = []
  for (let time = 0; time < times; time++) {
    statuses.push((await visitor.send(form, { username, password: 'wrong' })).status)
  }
  return statuses
}

async function guess(visitor: Visitor, username = 'Anna', password = PASSWORD) {
  return visitor.send(await visitor.open('/login/'), { username, password })
}

for (const htmx of [false, true]) {
  test(`${htmx ? 'htmx' : 'a plain browser'}: after 5 wrong passwords the right one is refused for a while`, async () => {
    const site = await behindProxy()
    const visitor = visitorFrom(site, HERE, { htmx })
    assert.equal(await fail(visitor, 5), [406, 406, 406, 406, 406])
    site.clock.advance(MINUTE + 1)
    const page = await guess(visitor)
    assert.is(page.status, 429)
    assert.equal(page.messages(), [
      '⚠ Too many failed attempts. Try again in 4 minutes, or choose a new password by email.',
    ])
    assert.is(page.headers['retry-after'], '240')
    assert.is(page.isWhole, !htmx)
    assert.is(page.value('username'), 'Anna', 'the input is kept')
    site.clock.advance(4 * MINUTE - 2)
    assert.is((await guess(visitor)).status, 429)
    site.clock.advance(1)
    assert.is((await guess(visitor)).status, htmx ? 200 : 303)
    await site.close()
  })
}

test('an unknown username is limited just like a known one', async () => {
  const site = await behindProxy()
  for (const name of ['Nobody', 'nobody@example.com', 'anna@example.com']) {
    const visitor = visitorFrom(site, HERE)
    assert.equal(await fail(visitor, 6, name), [406, 406, 406, 406, 406, 429], name)
    const [shown, known] = [await guess(visitor, name), await guess(visitor, name.toUpperCase())]
    assert.equal(shown.messages(), [
      '⚠ Too many failed attempts. Try again in 5 minutes, or choose a new password by email.',
    ])
    assert.equal(known.messages(), shown.messages(), 'in any case')
    site.clock.advance(1)
  }
  await site.close()
})

test('another username and another network are not blocked', async () => {
  const site = await behindProxy()
  await visitorFrom(site, HERE).signUp('Bela')
  await fail(visitorFrom(site, HERE), 6)
  assert.is((await guess(visitorFrom(site, HERE), 'Bela')).status, 303)
  assert.is((await guess(visitorFrom(site, '203.0.113.8'))).status, 303)
  await site.close()
})

test('a network is an IPv4 address, mapped or not, or an IPv6 /64', async () => {
  const site = await behindProxy()
  await fail(visitorFrom(site, `::ffff:${HERE}`), 5)
  assert.is((await guess(visitorFrom(site, HERE))).status, 429)
  await fail(visitorFrom(site, '2001:db8:1:2::1'), 5)
  assert.is((await guess(visitorFrom(site, '2001:db8:1:2:ffff:ffff:ffff:ffff'))).status, 429)
  assert.is((await guess(visitorFrom(site, '2001:db8:1:3::1'))).status, 303)
  await site.close()
})

test('50 an hour for one username, from all networks', async () => {
  const site = await behindProxy()
  for (let network = 0; network < 10; network++) await fail(visitorFrom(site, `198.51.100.${network}`), 5)
  const page = await guess(visitorFrom(site, HERE))
  assert.is(page.status, 429)
  assert.equal(page.messages(), [
    '⚠ Too many failed attempts. Try again in 60 minutes, or choose a new password by email.',
  ])
  site.clock.advance(HOUR)
  assert.is((await guess(visitorFrom(site, HERE))).status, 303)
  await site.close()
})

test('100 an hour from one network, for all usernames', async () => {
  const site = await behindProxy()
  for (let name = 0; name < 20; name++)
    assert.equal(await fail(visitorFrom(site, HERE), 5, `name ${name}`), Array(5).fill(406))
  assert.is((await guess(visitorFrom(site, HERE))).status, 429)
  assert.is((await guess(visitorFrom(site, '203.0.113.8'))).status, 303)
  site.clock.advance(HOUR)
  assert.is((await guess(visitorFrom(site, HERE))).status, 303)
  await site.close()
})

test('after 100 failures in a row only a known device can log in, which ends the row', async () => {
  const site = await behindProxy()
  const own = visitorFrom(site, '192.0.2.1')
  await own.logIn('Anna')
  await own.send(await own.open('/logout/'))
  for (let hour = 0; hour < 2; hour++) {
    for (let network = 0; network < 10; network++) await fail(visitorFrom(site, `198.51.100.${network}`), 5)
    site.clock.advance(HOUR)
  }
  site.clock.advance(DAY)
  const locked = await guess(visitorFrom(site, HERE))
  assert.is(locked.status, 429)
  assert.equal(locked.messages(), [
    '⚠ Too many failed attempts in a row. Choose a new password by email to log in right away, log in on a device you have used before, or try again in 29 days.',
  ])
  assert.is((await own.logIn('Anna')).status, 303)
  assert.is((await guess(visitorFrom(site, HERE))).status, 303)
  await site.close()
})

test('the page and the email say that a new password unblocks the account', async () => {
  const site = await behindProxy({ environment: { LIMIT_LOGIN_ROW: '5/30d' } })
  await site.emptyMailbox()
  await fail(visitorFrom(site, '198.51.100.1'), 5)
  const owner = visitorFrom(site, HERE)
  assert.match((await guess(owner)).messages()[0] ?? '', 'Choose a new password by email')
  const told = await site.mail('anna@example.com')
  assert.match(told.text, 'If this stops you from logging in, choose a new password')
  await site.emptyMailbox()
  await owner.send(await owner.open('/password/forgot/'), { username: 'Anna' })
  const password = { password: 'another horse 43', repassword: 'another horse 43' }
  await owner.send(await owner.follow(await site.mail('anna@example.com')), password)
  assert.is((await guess(visitorFrom(site, '203.0.113.8'), 'Anna', password.password)).status, 303)
  await site.close()
})

test('a site without email does not offer a new password by email', async () => {
  const site = await behindProxy({ environment: { MAIL: 'off', LIMIT_LOGIN_ROW: '5/30d' } })
  await fail(visitorFrom(site, '198.51.100.1'), 5)
  const [message] = (await guess(visitorFrom(site, HERE))).messages()
  assert.match(message ?? '', 'Log in on a device you have used before, or try again in 30 days')
  assert.not.match(message ?? '', 'email')
  await site.close()
})

test('a login ends the row of failures, and its attempts no longer count', async () => {
  const site = await behindProxy({ limits: { ...LIMITS, loginRow: { max: 8, window: DAY } } })
  for (let round = 0; round < 4; round++) {
    assert.equal(await fail(visitorFrom(site, HERE), 4), [406, 406, 406, 406])
    assert.is((await guess(visitorFrom(site, HERE))).status, 303)
  }
  await site.close()
})

test('strangers’ attempts never block a known device', async () => {
  const site = await behindProxy()
  const owner = visitorFrom(site, HERE)
  await owner.logIn('Anna')
  await owner.send(await owner.open('/logout/'))
  for (let network = 0; network < 10; network++) await fail(visitorFrom(site, `198.51.100.${network}`), 5)
  for (let name = 0; name < 20; name++) await fail(visitorFrom(site, HERE), 5, `name ${name}`)
  assert.is((await guess(visitorFrom(site, HERE))).status, 429)
  assert.is((await owner.logIn('Anna')).status, 303)
  await site.close()
})

test('a known device has its own, higher limit', async () => {
  const site = await behindProxy()
  const owner = visitorFrom(site, HERE)
  await owner.logIn('Anna')
  await owner.send(await owner.open('/logout/'))
  assert.equal(new Set(await fail(owner, 20)), new Set([406]))
  const page = await guess(owner)
  assert.is(page.status, 429)
  assert.equal(page.messages(), [
    '⚠ Too many failed attempts. Try again in 15 minutes, or choose a new password by email.',
  ])
  assert.is((await guess(visitorFrom(site, HERE))).status, 303, 'nobody else is blocked')
  await site.close()
})

test('a device cookie that is forged or of another account has no effect', async () => {
  const site = await behindProxy()
  await visitorFrom(site, HERE).signUp('Bela')
  const bela = visitorFrom(site, HERE)
  const login = await bela.logIn('Bela')
  await bela.send(await bela.open('/logout/'))
  assert.equal(await fail(bela, 6), [406, 406, 406, 406, 406, 429], 'Bela’s device is unknown to Anna')
  const cookie = login.cookies.find((one) => one.startsWith('gatehouse-device='))?.split(';')[0] ?? ''
  assert.is((await guess(visitorFrom(site, HERE))).status, 429)
  for (const forged of [
    'gatehouse-device=[{"userId":"x"}]',
    `${cookie.slice(0, -1)}${cookie.endsWith('A') ? 'B' : 'A'}`,
  ]) {
    const forger = visitorFrom(site, HERE)
    forger.agent.jar.setCookie(`${forged}; path=/`, '127.0.0.1', '/')
    assert.is((await guess(forger)).status, 429)
  }
  await site.close()
})

test('the device cookie is encrypted, for this site only, and outlives sessions', async () => {
  const site = await behindProxy()
  const login = await visitorFrom(site, HERE).logIn('Anna')
  const cookie = login.cookies.find((one) => one.startsWith('gatehouse-device=')) ?? ''
  assert.match(cookie, /^gatehouse-device=[\w-]{60,}; path=\/; expires=[^;]+; samesite=lax; httponly$/)
  const expires = Date.parse(/expires=([^;]+)/.exec(cookie)?.[1] ?? '')
  assert.ok(expires > Date.now() + 390 * DAY)
  const environment = { BASE_URL: 'https://accounts.example' }
  const https = await Site.start({ database: site.database, environment })
  const visitor = visitorFrom(https, HERE)
  const form = await visitor.open('/login/')
  const body = new URLSearchParams({ _csrf: form.value('_csrf') ?? '', username: 'Anna', password: PASSWORD })
  const page = await visitor.post('/login/verify/', body.toString(), { Cookie: form.cookieHeader })
  assert.match(
    page.cookies.join('\n'),
    /^__Host-gatehouse-device=[\w-]+; path=\/; expires=[^;]+; samesite=lax; secure; httponly$/m,
  )
  await https.close()
  await site.close()
})

test('only 5 of 80 parallel wrong passwords are checked', async () => {
  const site = await behindProxy()
  const visitor = visitorFrom(site, HERE)
  const form = await visitor.open('/login/')
  const pages = await Promise.all(
    Array.from({ length: 80 }, () => visitor.send(form, { username: 'Anna', password: 'wrong' })),
  )
  const statuses = pages.map(({ status }) => status)
  assert.is(statuses.filter((status) => status === 406).length, 5)
  assert.is(statuses.filter((status) => status === 429).length, 75)
  assert.is(
    (await guess(visitorFrom(site, '203.0.113.8'))).status,
    303,
    'refused attempts do not count for other networks',
  )
  await site.close()
})

test('20 new accounts an hour from one network, not counting refused forms', async () => {
  const site = await behindProxy()
  const visitor = visitorFrom(site, HERE)
  for (let count = 0; count < 5; count++) assert.is((await visitor.signUp('Anna')).status, 406)
  for (let count = 0; count < 20; count++) assert.is((await visitor.signUp(`user ${count}`)).status, 303)
  const page = await visitor.signUp('one more')
  assert.is(page.status, 429)
  assert.equal(page.messages(), [
    '⚠ Too many accounts have been created from your network. Try again in 60 minutes.',
  ])
  assert.is(page.headers['retry-after'], '3600')
  assert.is(page.value('username'), 'one more')
  assert.is((await visitorFrom(site, '203.0.113.8').signUp('elsewhere')).status, 303)
  site.clock.advance(HOUR)
  assert.is((await visitor.signUp('one more')).status, 303)
  await site.close()
})

test('parallel sign-ups with one username count once', async () => {
  const site = await behindProxy({ environment: { LIMIT_SIGNUP_NETWORK: '3/1h' } })
  const visitors = ['one', 'two', 'three'].map(
    (email) => [visitorFrom(site, HERE), `${email}@example.com`] as const,
  )
  await Promise.all(visitors.map(([visitor, email]) => visitor.signUp('Racer', { email })))
  assert.is((await visitorFrom(site, HERE).signUp('second')).status, 303)
  assert.is((await visitorFrom(site, HERE).signUp('third')).status, 303)
  assert.is((await visitorFrom(site, HERE).signUp('fourth')).status, 429)
  await site.close()
})

test('a blocked username does not reveal its email address', async () => {
  const site = await behindProxy({ environment: { LIMIT_LOGIN_ROW: '5/30d' } })
  await fail(visitorFrom(site, HERE), 5)
  assert.is((await guess(visitorFrom(site, '203.0.113.8'))).status, 429)
  const responses = []
  for (const address of ['anna@example.com', 'bela@example.com']) {
    responses.push((await guess(visitorFrom(site, '203.0.113.9'), address, 'wrong')).messages())
  }
  assert.equal(responses[0], responses[1])
  await site.close()
})

for (const [limit, wait] of [
  ['LIMIT_LOGIN_ACCOUNT', HOUR],
  ['LIMIT_LOGIN_ROW', 30 * DAY],
] as const) {
  test(`attempts by username and email address share one ${limit}`, async () => {
    const site = await behindProxy({
      environment: {
        [limit]: `6/${wait / HOUR}h`,
        LIMIT_LOGIN_NAME: '100/1m',
        LIMIT_LOGIN_NETWORK: '1000/1h',
      },
    })
    const owner = visitorFrom(site, '192.0.2.1')
    await owner.logIn('Anna')
    await owner.send(await owner.open('/logout/'))
    assert.equal(await fail(visitorFrom(site, '198.51.100.1'), 4), [406, 406, 406, 406])
    assert.equal(await fail(visitorFrom(site, '198.51.100.2'), 2, 'anna@example.com'), [406, 406])
    const wrong = await guess(visitorFrom(site, HERE), 'Anna', 'wrong')
    const right = await guess(visitorFrom(site, HERE), 'Anna')
    assert.is(right.status, 406, 'the seventh and eighth passwords are not checked')
    assert.equal(right.messages(), wrong.messages())
    assert.is((await guess(visitorFrom(site, HERE), 'anna@example.com')).status, 406)
    assert.equal(
      await fail(visitorFrom(site, HERE), 4, 'anna@example.com'),
      await fail(visitorFrom(site, HERE), 7, 'otto@example.com').then((all) => all.slice(-4)),
      'her address is blocked at the same time as an unknown one',
    )
    assert.is((await owner.logIn('Anna')).status, 303, 'a known device is not blocked')
    site.clock.advance(wait)
    assert.is((await guess(visitorFrom(site, HERE))).status, 303)
    await site.close()
  })
}

test('too many failures in a row on a known device make it unknown', async () => {
  const site = await behindProxy({ environment: { LIMIT_LOGIN_DEVICE: '50/1m', LIMIT_LOGIN_ROW: '8/30d' } })
  const owner = visitorFrom(site, HERE)
  await owner.logIn('Anna')
  await owner.send(await owner.open('/logout/'))
  assert.equal(await fail(owner, 9), [...Array(8).fill(406), 429])
  site.clock.advance(HOUR)
  assert.is((await guess(owner)).status, 429)
  assert.is((await guess(visitorFrom(site, HERE))).status, 303, 'others are not blocked')
  await site.close()
})

test('counters survive a new key', async () => {
  const [old, young] = ['A'.repeat(43), `${'B'.repeat(42)}A`]
  const first = await behindProxy({ environment: { SESSION_KEYS: old } })
  await fail(visitorFrom(first, HERE), 5)
  const environment = { TRUST_PROXY: '1', SESSION_KEYS: `${young},${old}` }
  const second = await Site.start({ database: first.database, environment })
  assert.is((await guess(visitorFrom(second, HERE))).status, 429)
  await second.close()
  await first.close()
})

test('counters survive a restart and are shared by processes', async () => {
  const first = await behindProxy()
  await fail(visitorFrom(first, HERE), 5)
  const second = await Site.start({ database: first.database, environment: { TRUST_PROXY: '1' } })
  assert.is((await guess(visitorFrom(second, HERE))).status, 429)
  await second.close()
  await first.close()
})

test('the table has no readable names or addresses, and old rows are swept', async () => {
  const site = await behindProxy()
  await fail(visitorFrom(site, HERE), 2, 'my password by mistake')
  const rows = await site.rows<{ key: string }>('select * from limits')
  assert.is(rows.length, 6 + 4)
  for (const { key } of rows) assert.match(key, /^[\w-]{43}$/)
  const { database } = site
  await site.close()
  const later = site.clock
  later.advance(31 * DAY)
  const next = await Site.start({ database, now: later.now })
  await until(async () => (await next.rows('select * from limits')).length === 0)
  assert.equal(await next.rows('select * from limits'), [])
  await next.close()
})

test('RATE_LIMITS=off blocks nothing, and the log warns', async () => {
  const site = await behindProxy({ environment: { RATE_LIMITS: 'off' } })
  assert.equal(new Set(await fail(visitorFrom(site, HERE), 12)), new Set([406]))
  assert.match(site.logs.join(''), /"level":40.*rate limits are off/)
  await site.close()
})

test('limits can be set', async () => {
  const site = await behindProxy({ environment: { LIMIT_LOGIN_NAME: '2/10s' } })
  assert.equal(await fail(visitorFrom(site, HERE), 3), [406, 406, 429])
  site.clock.advance(10_000)
  assert.is((await guess(visitorFrom(site, HERE))).status, 303)
  await site.close()
})

test.run()
