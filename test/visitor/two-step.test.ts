import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { DAY, MINUTE } from '../../src/base/durations.js'
import { PASSWORD, type Page, Site, until, type Visitor } from '../support/helpers.js'
import { codeAt, copyOf, halfway, reopen, type SecondStep, settled, turnOn } from '../support/second-step.js'

const test = suite('two-step verification')
const WIDE = { LIMIT_LOGIN_NAME: '1000/1h', LIMIT_LOGIN_ACCOUNT: '1000/1h', LIMIT_LOGIN_NETWORK: '1000/1h' }
const NEW = 'another horse 43'
let site: Site
let owner: Visitor
let anna: SecondStep

test.before.each(async () => {
  site = await Site.start({ environment: WIDE })
  owner = await settled(site, 'Anna')
  anna = await turnOn(site, owner)
  await site.emptyMailbox()
})
test.after.each(() => site.close())

const code = () => codeAt(anna.secret, site.clock.time)

async function isLoggedIn(visitor: Visitor): Promise<boolean> {
  return (await visitor.open('/account/')).status === 200
}

async function eventsOf(kind: string): Promise<number> {
  return (await site.rows('select 1 from events where kind = ?', kind)).length
}

/** Sends wrong codes until the status is not 406, `most` times at most. */
async function guess(visitor: Visitor, page: Page, most: number): Promise<{ tries: number; last: Page }> {
  for (let tries = 1; tries <= most; tries++) {
    const last = await visitor.send(page, { code: '000000' })
    if (last.status !== 406 || tries === most) return { tries, last }
  }
  throw new Error('At least one try.')
}

test('after 10 minutes sensitive pages ask for the password and then a code', async () => {
  site.clock.advance(10 * MINUTE)
  for (const path of ['/account/authenticator/', '/account/recovery-codes/', '/account/email/']) {
    assert.match((await owner.open(path)).headers.location ?? '', '/password/confirm/?next=')
  }
  const password = await owner.send(await owner.open('/password/confirm/'), { password: PASSWORD })
  assert.is(password.status, 303)
  const asked = await owner.open('/account/authenticator/')
  assert.match(asked.headers.location ?? '', 'asks=code')
  const page = await owner.open(asked.headers.location ?? '')
  const wrong = await owner.send(page, { code: '000000' })
  assert.is(wrong.status, 406)
  assert.match(wrong.fieldError('code'), 'The code is not correct')
  const right = await owner.send(page, { code: code() })
  assert.is(right.headers.location, '/account/authenticator/')
  assert.is((await owner.open('/account/authenticator/')).status, 200)
  assert.is(await eventsOf('second_confirmed'), 1)
})

test('a form that needs a code gets 403 and a button that leads to the code', async () => {
  const open = await owner.open('/account/two-step/')
  site.clock.advance(10 * MINUTE)
  await owner.send(await owner.open('/password/confirm/'), { password: PASSWORD })
  const browser = Object.assign(site.visitor({ htmx: true }), { agent: owner.agent })
  const refused = await browser.send(open, {}, '/account/two-step/off/')
  assert.is(refused.status, 403)
  assert.match(refused.messages().join(), 'Enter a code from your authenticator app first.')
  const page = await owner.send(refused, {}, '/password/confirm/verify/')
  assert.is(page.title, 'Enter a code · Gatehouse')
  await owner.send(page, { code: code() })
  await owner.send(await owner.open('/account/two-step/'), {}, '/account/two-step/off/')
  assert.match((await owner.open('/account/two-step/')).messages().join(), 'Two-step verification is off.')
})

test('a code confirms once, and a form sent twice succeeds twice', async () => {
  site.clock.advance(10 * MINUTE)
  await owner.send(await owner.open('/password/confirm/'), { password: PASSWORD })
  const page = await owner.open('/password/confirm/?next=%2Faccount%2Femail%2F&asks=code')
  const given = code()
  assert.is((await owner.send(page, { code: given })).status, 303)
  assert.is((await owner.send(page, { code: given })).status, 303)
  assert.is(await eventsOf('second_confirmed'), 1)
  const thief = site.visitor()
  assert.is((await thief.send(await halfway(thief, 'Anna'), { code: given })).status, 406)
})

test('a repeated form does not prolong the second step, and soon fails', async () => {
  site.clock.advance(10 * MINUTE)
  await owner.send(await owner.open('/password/confirm/'), { password: PASSWORD })
  const page = await owner.open('/password/confirm/?asks=code')
  const given = code()
  assert.is((await owner.send(page, { code: given })).status, 303)
  const proved = await site.rows('select second_at, renewed_at from sessions')
  for (const seconds of [60, 60]) {
    site.clock.advance(seconds * 1000)
    assert.is((await owner.send(page, { code: given })).status, 303)
    assert.equal(await site.rows('select second_at, renewed_at from sessions'), proved)
  }
  site.clock.advance(1)
  assert.is((await owner.send(page, { code: given })).status, 406)
})

test('the old token of a session has not passed the second step', async () => {
  const former = copyOf(owner)
  const page = await owner.open('/account/password/')
  await owner.send(page, { current: PASSWORD, password: NEW, repassword: NEW })
  const asked = await site.visitor().open('/account/authenticator/', former)
  assert.match(asked.headers.location ?? '', 'asks=code')
  assert.is((await owner.open('/account/authenticator/')).status, 200)
})

test('wrong codes are limited, and a known device has its own attempts', async () => {
  const thief = site.visitor()
  const { tries, last } = await guess(thief, await halfway(thief, 'Anna'), 12)
  assert.is(tries, 11)
  assert.is(last.status, 429)
  assert.match(last.messages().join(), 'Too many wrong codes. Try again')
  assert.is((await thief.open('/login/two-step/')).status, 200, 'the half login goes on')
  const stranger = site.visitor()
  assert.is((await stranger.send(await halfway(stranger, 'Anna'), { code: code() })).status, 429)
  await owner.send(await owner.open('/logout/'))
  assert.is((await owner.send(await halfway(owner, 'Anna'), { code: code() })).status, 303)
})

test('without the password nobody can use up the limit of codes', async () => {
  const stranger = site.visitor()
  for (let time = 0; time < 30; time++) {
    await stranger.logIn('Anna', { password: 'wrong' })
    await stranger.post('/login/two-step/verify/', 'code=000000')
  }
  const other = site.visitor()
  assert.is((await other.send(await halfway(other, 'Anna'), { code: code() })).status, 303)
})

test('100 wrong codes in a row block app codes for 30 days, not recovery codes', async () => {
  const thief = site.visitor()
  for (let time = 0; time < 10; time++) {
    await guess(thief, await halfway(thief, 'Anna'), 10)
    site.clock.advance(16 * MINUTE)
  }
  const response = await thief.send(await halfway(thief, 'Anna'), { code: code() })
  assert.is(response.status, 429)
  assert.match(response.messages().join(), 'Enter a recovery code, or try again')
  site.clock.advance(29 * DAY)
  const page = await halfway(thief, 'Anna')
  assert.is((await thief.send(page, { code: code() })).status, 429)
  assert.is((await thief.send(page, { code: anna.codes[0] })).status, 303)
})

test('3 wrong codes after the right password are emailed to the owner once a day', async () => {
  const thief = site.visitor()
  await guess(thief, await halfway(thief, 'Anna'), 8)
  const mail = await site.mail('Anna@example.com')
  assert.is(mail.subject, 'Wrong codes after your Gatehouse password')
  assert.is(mail.link, '/password/forgot/')
  await until(async () => (await eventsOf('second_failed')) === 8)
})

test('a reset by email neither skips the second step nor adds attempts', async () => {
  const reader = site.visitor()
  for (let time = 0; time < 3; time++) {
    await reader.send(await reader.open('/password/forgot/'), { username: 'Anna' })
    const reset = await reader.follow(await site.mailThat('Anna@example.com', (one) => one.code !== ''))
    const done = await reader.send(reset, { password: NEW, repassword: NEW })
    assert.match(done.headers.location ?? '', '/login/')
    assert.is(done.sessionCookie, '')
    await site.emptyMailbox()
    assert.not(await isLoggedIn(reader))
    const login = await reader.logIn('Anna', { password: NEW })
    assert.is(login.headers.location, '/login/two-step/')
    assert.not(await isLoggedIn(reader))
    site.clock.advance(2 * MINUTE)
  }
  const { tries } = await guess(reader, await reader.open('/login/two-step/'), 12)
  await reader.send(await reader.open('/password/forgot/'), { username: 'Anna' })
  const reset = await reader.follow(await site.mailThat('Anna@example.com', (one) => one.code !== ''))
  await reader.send(reset, { password: 'third horse 44', repassword: 'third horse 44' })
  await reader.logIn('Anna', { password: 'third horse 44' })
  assert.is(tries, 11)
  assert.is((await reader.send(await reader.open('/login/two-step/'), { code: '000000' })).status, 429)
})

test('a wrong password gets the same response without two-step verification', async () => {
  await site.visitor().signUp('Bela')
  const responseTo = async (name: string) => {
    const visitor = site.visitor()
    const page = await visitor.send(await visitor.open('/login/'), { username: name, password: 'wrong' })
    const text = page.text.replaceAll(/(name="_(?:csrf|once)" value=")[^"]*/g, '$1').replaceAll(name, '')
    const headers = Object.keys(page.headers).sort()
    return { status: page.status, text, headers }
  }
  assert.equal(await responseTo('Anna'), await responseTo('Bela'))
})

test('a trusted device logs in without a code for 30 days, and no longer', async () => {
  const browser = site.visitor()
  await browser.send(await halfway(browser, 'Anna'), { code: code(), trust: 'on' })
  assert.ok(await isLoggedIn(browser))
  await until(async () => (await eventsOf('browser_trusted')) === 1)
  site.clock.advance(29 * DAY)
  await browser.logIn('Anna')
  assert.ok(await isLoggedIn(browser))
  assert.match((await browser.open('/account/authenticator/')).headers.location ?? '', 'asks=code')
  await browser.send(await browser.open('/logout/'))
  site.clock.advance(DAY)
  assert.is((await browser.logIn('Anna')).headers.location, '/login/two-step/')
})

const ENDS: Record<string, (browser: Visitor) => Promise<unknown>> = {
  'a new password': async () => {
    const page = await owner.open('/account/password/')
    await owner.send(page, { current: PASSWORD, password: NEW, repassword: NEW })
  },
  'new recovery codes': async () => {
    site.clock.advance(10 * MINUTE)
    const page = await reopen(site, owner, '/account/recovery-codes/', anna.secret)
    await owner.send(page, {}, '/account/recovery-codes/')
  },
  'logging out all other devices': async () => {
    const other = site.visitor()
    await other.send(await halfway(other, 'Anna'), { code: anna.codes[0] ?? '' })
    await owner.send(await owner.open('/account/devices/'), {}, '/account/devices/revoke/')
  },
}

for (const [what, end] of Object.entries(ENDS)) {
  test(`a device is no longer trusted after ${what}`, async () => {
    const browser = site.visitor()
    await browser.send(await halfway(browser, 'Anna'), { code: code(), trust: 'on' })
    await browser.send(await browser.open('/logout/'))
    site.clock.advance(MINUTE)
    await end(browser)
    const password = what === 'a new password' ? NEW : PASSWORD
    assert.is((await browser.logIn('Anna', { password })).headers.location, '/login/two-step/')
  })
}

test('each change is emailed to the owner', async () => {
  const subjects = async () => (await site.mails('Anna@example.com')).map(({ subject }) => subject)
  site.clock.advance(10 * MINUTE)
  await owner.send(
    await reopen(site, owner, '/account/recovery-codes/', anna.secret),
    {},
    '/account/recovery-codes/',
  )
  await site.allSent()
  assert.equal(await subjects(), ['New recovery codes for your Gatehouse account'])
  await site.emptyMailbox()
  const page = await owner.open('/account/authenticator/')
  anna.secret = page.$('.key').text().replaceAll(' ', '')
  await owner.send(page, { code: code() })
  await site.allSent()
  assert.equal(await subjects(), ['Your Gatehouse authenticator app was replaced'])
  await site.emptyMailbox()
  await owner.send(await owner.open('/account/two-step/'), {}, '/account/two-step/off/')
  await site.allSent()
  assert.equal(await subjects(), ['Two-step verification is off for your Gatehouse account'])
})

test('using a recovery code is emailed, and pages warn when few are left', async () => {
  for (const [index, given] of anna.codes.entries()) {
    const left = 9 - index
    const browser = site.visitor()
    await browser.send(await halfway(browser, 'Anna'), { code: given })
    const page = await browser.open('/')
    const mail = await site.mailThat('Anna@example.com', ({ subject }) =>
      subject.startsWith('A recovery code'),
    )
    assert.match(mail.text, `Codes left: ${left}.`)
    await site.emptyMailbox()
    if (left > 3) assert.not.match(page.text, 'ecovery codes left')
    else if (left > 0) assert.match(page.text, `Recovery codes left: ${left}.`)
    else assert.match(page.text, 'You have no recovery codes left.')
    const account = (await browser.open('/account/')).text
    assert.is(account.includes(`Recovery codes left: ${left}.`), left <= 3)
    site.clock.advance(1)
  }
})

test.run()
