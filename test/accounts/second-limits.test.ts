import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { MINUTE } from '../../src/base/durations.js'
import { PASSWORD, type Page, Site, type Visitor } from '../support/helpers.js'
import { codeAt, dropDevice, halfway, type SecondStep, settled, turnOn } from '../support/second-step.js'

const test = suite('limits of the second step')
const WIDE = { LIMIT_LOGIN_NAME: '1000/1h', LIMIT_LOGIN_ACCOUNT: '1000/1h', LIMIT_LOGIN_NETWORK: '1000/1h' }
const ASKED = '/password/confirm/?next=%2Faccount%2Femail%2F&asks=code'
const SUBJECT = 'Wrong codes after your Gatehouse password'
let site: Site
let owner: Visitor
let anna: SecondStep

test.before.each(async () => {
  site = await Site.start({ environment: WIDE })
  owner = await settled(site, 'Anna')
  anna = await turnOn(site, owner)
  await site.allSent()
  await site.emptyMailbox()
})
test.after.each(() => site.close())

const code = () => codeAt(anna.secret, site.clock.time)

async function eventsOf(kind: string): Promise<number> {
  return (await site.rows('select 1 from events where kind = ?', kind)).length
}

async function guess(visitor: Visitor, page: Page, times: number): Promise<number[]> {
  const statuses = []
  for (let time = 0; time < times; time++) {
    statuses.push((await visitor.send(page, { code: '000000' })).status)
  }
  return statuses
}

test('sessions of a trusted device that passed no code have no attempts of their own', async () => {
  const browser = site.visitor()
  await browser.send(await halfway(browser, 'Anna'), { code: code(), trust: 'on' })
  const statuses = []
  for (let time = 0; time < 3; time++) {
    await browser.send(await browser.open('/logout/'))
    const login = await browser.logIn('Anna')
    assert.is(login.headers.location, '/', 'no code was needed')
    const restore = dropDevice(browser)
    statuses.push(...(await guess(browser, await browser.open(ASKED), 6)))
    restore()
  }
  assert.equal(statuses, [...Array(10).fill(406), ...Array(8).fill(429)])
})

test('wrong codes for many accounts block their network, not known devices', async () => {
  const others: Visitor[] = []
  for (const name of ['Bob', 'Cem', 'Dan', 'Eve', 'Fay']) {
    await turnOn(site, await settled(site, name))
    others.push(site.visitor())
  }
  const statuses = []
  for (const [at, thief] of others.entries()) {
    const page = await halfway(thief, ['Bob', 'Cem', 'Dan', 'Eve', 'Fay'][at] ?? '')
    statuses.push(...(await guess(thief, page, 10)))
  }
  assert.equal(statuses, Array(50).fill(406))
  const thief = site.visitor()
  const refused = await thief.send(await halfway(thief, 'Anna'), { code: code() })
  assert.is(refused.status, 429)
  assert.match(refused.messages().join(), 'Too many wrong codes from your network')
  await owner.send(await owner.open('/logout/'))
  assert.ok((await owner.send(await halfway(owner, 'Anna'), { code: code() })).sessionCookie)
})

test('a session with a code has its own attempts, even without a device cookie', async () => {
  site.clock.advance(10 * MINUTE)
  dropDevice(owner)
  const thief = site.visitor()
  await guess(thief, await halfway(thief, 'Anna'), 11)
  await owner.send(await owner.open('/password/confirm/'), { password: PASSWORD })
  assert.is((await owner.send(await owner.open(ASKED), { code: code() })).status, 303)
})

for (const htmx of [false, true]) {
  const kind = htmx ? 'htmx' : 'a plain browser'

  test(`${kind}: a session without a recent password cannot try codes`, async () => {
    const visitor = Object.assign(site.visitor({ htmx }), { agent: owner.agent })
    site.clock.advance(10 * MINUTE)
    assert.is((await visitor.open(ASKED)).title, 'Enter your password · Gatehouse')
    await visitor.send(await visitor.open('/password/confirm/'), { password: PASSWORD })
    const page = await visitor.open(ASKED)
    assert.is(page.title, 'Enter a code · Gatehouse')
    site.clock.advance(10 * MINUTE)
    assert.equal(await guess(visitor, page, 12), Array(12).fill(403))
    const right = await visitor.send(page, { code: code() })
    assert.is(right.status, 403)
    assert.match(right.messages().join(), 'Enter your password first. Nothing has been changed yet.')
    assert.is(await eventsOf('second_confirmed'), 0)
    const next = await visitor.confirm(right)
    assert.match(next.headers.location ?? '', 'asks=code')
    await visitor.send(await visitor.open(next.headers.location ?? ''), { code: code() })
    assert.is(await eventsOf('second_confirmed'), 1)
  })
}

test('wrong codes in a logged-in session are emailed to the owner, too', async () => {
  site.clock.advance(10 * MINUTE)
  await owner.send(await owner.open('/password/confirm/'), { password: PASSWORD })
  await guess(owner, await owner.open(ASKED), 3)
  assert.is((await site.mail('Anna@example.com')).subject, SUBJECT)
})

test('the owner’s logins do not hide wrong codes in between', async () => {
  const thief = site.visitor()
  await guess(thief, await halfway(thief, 'Anna'), 2)
  for (let time = 0; time < 3; time++) {
    await owner.send(await owner.open('/logout/'))
    assert.is((await owner.send(await halfway(owner, 'Anna'), { code: code() })).status, 303)
    site.clock.advance(MINUTE)
  }
  await site.allSent()
  assert.equal(await site.mails('Anna@example.com', 0), [])
  await guess(thief, await halfway(thief, 'Anna'), 1)
  assert.is((await site.mail('Anna@example.com')).subject, SUBJECT)
})

test.run()
