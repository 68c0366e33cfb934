import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { DAY, HOUR, MINUTE } from '../../../../src/base/durations.js'
import { PASSWORD, type Page, Site, type Visitor } from '../../../support/helpers.js'
import {
  codeAt,
  copyOf,
  halfway,
  reopen,
  type SecondStep,
  settled,
  turnOn,
} from '../../../support/second-step.js'

const test = suite('login/two-step/lost')
let site: Site
let owner: Visitor
let anna: SecondStep

const LOST = '/login/two-step/lost/'
const ADDRESS = 'Anna@example.com'
const PASSWORDS = { password: 'another horse 43', repassword: 'another horse 43' }

test.before.each(async () => {
  site = await Site.start({ environment: { LIMIT_LOGIN_NETWORK: '1000/1h', SESSION_IDLE: '30d' } })
  owner = await settled(site, 'Anna')
  anna = await turnOn(site, owner)
  site.clock.advance(4 * DAY)
  await site.emptyMailbox()
})
test.after.each(() => site.close())

/** Enters the password and asks for the email. */
async function requestEmail(visitor: Visitor, password = PASSWORD): Promise<Page> {
  await visitor.logIn('Anna', { password })
  return visitor.send(await visitor.open(LOST))
}

const theLink = () => site.mailThat(ADDRESS, ({ link }) => link.startsWith(`${LOST}link/`))

/** Enters the password, gets the email, opens its link and presses the button. */
async function started(visitor = site.visitor()): Promise<Visitor> {
  await requestEmail(visitor)
  await visitor.send(await visitor.follow(await theLink()))
  return visitor
}

async function isLoggedIn(visitor: Visitor): Promise<boolean> {
  return (await visitor.open('/account/')).status === 200
}

async function endsAt(): Promise<number | null> {
  const [user] = await site.rows<{ ends: number | null }>('select second_ends_at as ends from users')
  return user?.ends === null || user === undefined ? null : Number(user.ends)
}

async function countOf(kind: string): Promise<number> {
  return (await site.rows('select 1 from events where kind = ?', kind)).length
}

async function sentOf(subject: RegExp): Promise<number> {
  return (await site.mails(ADDRESS, 0)).filter((mail) => subject.test(mail.subject)).length
}

const ENDS_SOON = /ends soon for/
const REMINDER = /Reminder/
const STAYS_ON = /stays on/
const IS_OFF = /is off/

for (const htmx of [false, true]) {
  test(`${htmx ? 'htmx' : 'plain'}: after an email, a button and 3 days the password is enough`, async () => {
    const visitor = site.visitor({ htmx })
    await visitor.logIn('Anna')
    const page = await visitor.open('/login/two-step/')
    assert.is(page.$(`main a[href="${LOST}"]`).text(), 'Lost your phone and your recovery codes?')
    await visitor.send(await visitor.open(LOST))
    assert.match((await visitor.open(LOST)).messages().join(), 'is on its way')
    const opened = await visitor.follow(await theLink())
    assert.match(opened.$('main').text(), '3 days must pass first')
    assert.is(await endsAt(), null)
    await visitor.send(opened)
    assert.match((await visitor.open(LOST)).messages().join(), 'You can log in without a code in 3 days.')
    assert.is(await endsAt(), site.clock.time + 3 * DAY)
    assert.is(await sentOf(ENDS_SOON), 1)
    assert.not(await isLoggedIn(visitor))

    site.clock.advance(2 * DAY)
    assert.is(await sentOf(REMINDER), 1)
    site.clock.advance(DAY)
    await visitor.logIn('Anna')
    const over = await visitor.open('/login/two-step/')
    assert.is(over.$(`main a[href="${LOST}"]`).text(), 'Log in without a code')
    await visitor.send(await visitor.open(LOST))
    const settings = await visitor.open('/account/two-step/')
    assert.match(settings.messages().join(), 'Two-step verification is off.')
    assert.not(await isLoggedIn(owner))
    assert.is(await sentOf(IS_OFF), 1)
    for (const table of ['authenticator_apps', 'recovery_sets', 'recovery_codes'])
      assert.equal(await site.rows(`select 1 from ${table}`), [], table)
    assert.equal(await site.rows('select 1 from users where second_step_at is not null'), [])
    const kinds = ['second_lost_asked', 'second_lost_canceled', 'second_lost_done', 'second_off']
    assert.equal(await Promise.all(kinds.map(countOf)), [1, 0, 1, 0])
    await turnOn(site, visitor)
  })
}

test('the wait ends exactly on time, after a restart, too', async () => {
  await started()
  site.clock.advance(3 * DAY - 1)
  const early = site.visitor()
  await early.logIn('Anna')
  assert.not((await early.open(LOST)).text.includes('/lost/finish/'))
  const body = await formOn(early, '/login/two-step/')
  assert.is((await early.post(`${LOST}finish/`, body)).status, 406)
  assert.not(await isLoggedIn(early))
  const again = await Site.start({ database: site.database })
  again.clock.time = site.clock.time + 1
  const visitor = again.visitor()
  await visitor.logIn('Anna')
  await visitor.send(await visitor.open(LOST))
  assert.ok(await isLoggedIn(visitor))
  await again.close()
})

/** Returns the hidden fields of a page, for forms sent by hand. */
async function formOn(visitor: Visitor, path: string): Promise<string> {
  const page = await visitor.open(path)
  const name = page.$('input[name="_csrf"]').first().attr('value') ?? ''
  return new URLSearchParams({ _csrf: name, _once: 'by hand' }).toString()
}

test('7 days after the wait the request expires, and can be made again', async () => {
  await started()
  site.clock.advance(10 * DAY)
  const visitor = site.visitor()
  await visitor.logIn('Anna')
  const page = await visitor.open(LOST)
  assert.not(page.text.includes('/lost/finish/'))
  assert.is((await visitor.post(`${LOST}finish/`, await formOn(visitor, LOST))).status, 406)
  assert.not((await owner.open('/account/')).text.includes('/two-step/keep/'))
  await site.emptyMailbox()
  await visitor.send(page)
  await visitor.send(await visitor.follow(await theLink()))
  assert.is(await endsAt(), site.clock.time + 3 * DAY)
})

test('a clock that goes back does not end the wait early', async () => {
  await started()
  site.clock.advance(3 * DAY)
  site.clock.advance(-DAY)
  const visitor = site.visitor()
  await visitor.logIn('Anna')
  assert.not((await visitor.open(LOST)).text.includes('/lost/finish/'))
})

for (const path of ['/account/', '/account/two-step/']) {
  test(`every device shows it, and a button on ${path} cancels it without a code`, async () => {
    const visitor = await started()
    site.clock.advance(DAY)
    for (const seen of ['/', path]) assert.match((await owner.open(seen)).text, 'Someone asked by email')
    const response = await owner.send(await owner.open(path), {}, '/account/two-step/keep/')
    assert.is(response.headers.location, '/account/two-step/')
    const settings = await owner.open('/account/two-step/')
    assert.match(settings.messages().join(), 'Two-step verification stays on.')
    assert.not(settings.text.includes('Someone asked by email'))
    assert.is(await endsAt(), null)
    assert.is(await sentOf(STAYS_ON), 1)
    site.clock.advance(3 * DAY)
    assert.is(await sentOf(REMINDER), 0)
    await visitor.logIn('Anna')
    assert.not((await visitor.open(LOST)).text.includes('/lost/finish/'))
    assert.is((await owner.send(settings, {}, '/account/two-step/off/')).status, 403)
  })
}

test('canceling it several times sends one email', async () => {
  await started()
  const page = await owner.open('/account/')
  await Promise.all([1, 2, 3].map(() => owner.send(page, {}, '/account/two-step/keep/')))
  assert.is(await sentOf(STAYS_ON), 1)
  assert.is(await countOf('second_lost_canceled'), 1)
})

for (const [kind, code] of [
  ['app', () => codeAt(anna.secret, site.clock.time)],
  ['recovery', () => anna.codes[0] ?? ''],
] as const) {
  test(`a login with ${kind} code cancels it, even after the wait`, async () => {
    await started()
    site.clock.advance(3 * DAY + HOUR)
    const visitor = site.visitor()
    await visitor.send(await halfway(visitor, 'Anna'), { code: code() })
    assert.ok(await isLoggedIn(visitor))
    assert.is(await endsAt(), null)
    assert.is(await countOf('second_lost_canceled'), 1)
    assert.is(await sentOf(STAYS_ON), 1)
  })
}

test('confirming with a code in a session cancels it', async () => {
  await started()
  await reopen(site, owner, '/account/authenticator/', anna.secret)
  assert.is(await endsAt(), null)
  assert.is(await countOf('second_lost_canceled'), 1)
})

test('a wrong code cancels nothing', async () => {
  await started()
  const visitor = site.visitor()
  await visitor.send(await halfway(visitor, 'Anna'), { code: '000000' })
  assert.is.not(await endsAt(), null)
})

test('a password reset ends it', async () => {
  await started()
  const reader = site.visitor()
  await reader.send(await reader.open('/password/forgot/'), { username: 'Anna' })
  const mail = await site.mailThat(ADDRESS, ({ link }) => link.includes('/password/reset/'))
  await reader.send(await reader.follow(mail), PASSWORDS)
  assert.is(await endsAt(), null)
  assert.equal(await site.rows("select 1 from mails where kind = 'second-lost-soon'"), [])
})

test('the link works only after the password is entered in that browser', async () => {
  await requestEmail(site.visitor())
  const link = await theLink()
  const stranger = site.visitor()
  const page = await stranger.follow(link)
  assert.is(page.headers.location, '/login/')
  assert.match((await stranger.open('/login/')).messages().join(), 'Enter your password first.')
  // A mail scanner that presses every button has no half login.
  const body = await formOn(stranger, '/login/')
  assert.is((await stranger.post(`${LOST}start/`, body)).status, 303)
  assert.is(await endsAt(), null)
  await stranger.logIn('Anna')
  const half = await stranger.open('/login/two-step/')
  assert.is(half.$(`main a[href="${LOST}"]`).text(), 'Continue without a code')
  await stranger.send(await stranger.open(LOST))
  assert.is.not(await endsAt(), null)
})

test('another account’s link does not work', async () => {
  await requestEmail(site.visitor())
  const link = await theLink()
  await turnOn(site, await settled(site, 'Berta'))
  site.clock.advance(1)
  const berta = site.visitor()
  await berta.logIn('Berta')
  assert.is((await berta.follow(link)).status, 410)
  await berta.post(`${LOST}start/`, await formOn(berta, LOST))
  assert.equal(await site.rows('select 1 from users where second_ends_at is not null'), [])
})

test('a link works once, and for an hour', async () => {
  const visitor = await started()
  const link = await theLink()
  await owner.send(await owner.open('/account/'), {}, '/account/two-step/keep/')
  assert.is((await visitor.follow(link)).status, 410)
  await site.emptyMailbox()
  site.clock.advance(MINUTE)
  await requestEmail(visitor)
  const late = await theLink()
  site.clock.advance(HOUR)
  await visitor.logIn('Anna')
  assert.is((await visitor.follow(late)).status, 410)
  assert.is(await endsAt(), null)
})

test('50 parallel confirmations start one wait, with one event and one email', async () => {
  const visitor = site.visitor()
  await requestEmail(visitor)
  const page = await visitor.follow(await theLink())
  const headers = copyOf(visitor)
  const body = new URLSearchParams(page.$('main form').serialize()).toString()
  const responses = await Promise.all(
    Array.from({ length: 50 }, () => site.visitor().post(`${LOST}start/`, body, headers)),
  )
  assert.equal([...new Set(responses.map(({ status }) => status))], [303])
  assert.is(await countOf('second_lost_asked'), 1)
  assert.is(await sentOf(ENDS_SOON), 1)
  assert.is((await site.rows("select 1 from mails where kind = 'second-lost-soon'")).length, 1)
})

test('50 parallel requests send one email', async () => {
  const visitor = site.visitor()
  await visitor.logIn('Anna')
  const page = await visitor.open(LOST)
  const headers = copyOf(visitor)
  const body = new URLSearchParams(page.$('main form').serialize()).toString()
  await Promise.all(Array.from({ length: 50 }, () => site.visitor().post(LOST, body, headers)))
  assert.is(await sentOf(/Turn off/), 1)
})

test('during the wait no further email is sent', async () => {
  const visitor = await started()
  await site.emptyMailbox()
  site.clock.advance(HOUR)
  await visitor.logIn('Anna')
  await visitor.post(LOST, await formOn(visitor, '/login/two-step/'))
  assert.is(await sentOf(/Turn off/), 0)
})

test('3 emails in 7 days at most', async () => {
  const visitor = site.visitor()
  for (const expected of [303, 303, 303, 429]) {
    await visitor.logIn('Anna')
    assert.is((await visitor.send(await visitor.open(LOST))).status, expected)
    site.clock.advance(HOUR)
  }
  assert.is(await sentOf(/Turn off/), 3)
})

test('canceling and finishing in parallel: only one succeeds', async () => {
  await started()
  site.clock.advance(3 * DAY)
  const visitor = site.visitor()
  await visitor.logIn('Anna')
  const [page, settings] = [await visitor.open(LOST), await owner.open('/account/')]
  await Promise.all([visitor.send(page), owner.send(settings, {}, '/account/two-step/keep/')])
  const [done, canceled] = [await countOf('second_lost_done'), await countOf('second_lost_canceled')]
  assert.is(done + canceled, 1)
  const isOn = (await site.rows('select 1 from users where second_step_at is not null')).length === 1
  assert.is(isOn, canceled === 1)
  assert.is((await site.rows('select 1 from authenticator_apps')).length, canceled)
  assert.is(await isLoggedIn(visitor), done === 1)
  assert.is(await isLoggedIn(owner), canceled === 1)
})

test('after a crash before the login, the password is enough', async () => {
  await started()
  site.clock.advance(3 * DAY)
  const visitor = site.visitor()
  await visitor.logIn('Anna')
  const page = await visitor.open(LOST)
  const isServer = site.database.startsWith('postgres')
  await site.write(
    isServer
      ? "alter table sessions add constraint no_more check (user_agent <> 'crash')"
      : "create trigger no_more before insert on sessions when new.user_agent = 'crash' begin select raise(abort, 'no more'); end",
  )
  const body = new URLSearchParams(page.$('main form').serialize()).toString()
  const response = await visitor.post(`${LOST}finish/`, body, { 'User-Agent': 'crash' })
  assert.is(response.status, 500)
  assert.is(await countOf('second_lost_done'), 1)
  assert.is((await visitor.logIn('Anna')).headers.location, '/')
  assert.ok(await isLoggedIn(visitor))
})

test('a password changed during the wait stops it', async () => {
  await started()
  site.clock.advance(3 * DAY)
  const visitor = site.visitor()
  await visitor.logIn('Anna')
  const page = await visitor.open(LOST)
  const reader = site.visitor()
  await reader.send(await reader.open('/password/forgot/'), { username: 'Anna' })
  const mail = await site.mailThat(ADDRESS, ({ link }) => link.includes('/password/reset/'))
  await reader.send(await reader.follow(mail), PASSWORDS)
  assert.is((await visitor.send(page)).headers.location, '/login/')
  assert.not(await isLoggedIn(visitor))
  assert.is(await countOf('second_lost_done'), 0)
})

test('an account disabled during the wait cannot finish', async () => {
  await started()
  site.clock.advance(3 * DAY)
  const visitor = site.visitor()
  await visitor.logIn('Anna')
  const page = await visitor.open(LOST)
  await site.write('update users set disabled_at = 1')
  assert.is((await visitor.send(page)).headers.location, '/login/')
  assert.is(await countOf('second_lost_done'), 0)
})

test('a closed account gets no email, and the page does not reveal it', async () => {
  await reopen(site, owner, '/account/close/', anna.secret)
  await owner.send(await owner.open('/account/close/'))
  assert.is((await site.rows('select 1 from users where closed_at is not null')).length, 1)
  await site.emptyMailbox()
  site.clock.advance(1)
  const visitor = site.visitor()
  assert.is((await requestEmail(visitor)).headers.location, LOST)
  assert.match((await visitor.open(LOST)).messages().join(), 'is on its way')
  assert.is(await sentOf(/./), 0)
})

test('refused: an unconfirmed email address', async () => {
  await site.write('update users set email_confirmed_at = null')
  await assertRefused('is not confirmed')
})

test('refused: a password younger than the wait', async () => {
  await site.write(`update users set password_at = ${site.clock.time - 3 * DAY + 1}`)
  await assertRefused('Your password was changed a short time ago')
  site.clock.advance(1)
  const visitor = await started()
  assert.match((await visitor.open(LOST)).text, 'cancel this')
})

test('refused: an account younger than the wait', async () => {
  await site.write(`update users set password_at = null, created_at = ${site.clock.time - DAY}`)
  await assertRefused('Your password was changed a short time ago')
})

test('refused: an email address changed in the last 7 days', async () => {
  await site.write(`update users set email_at = ${site.clock.time - 7 * DAY + 1}`)
  await assertRefused('Your email address was changed a short time ago')
})

test('refused: an email change that can still be undone', async () => {
  await site.write(
    `insert into tokens (hash, purpose, user_id, email, email_key, code_tries, code_expires_at, created_at, expires_at)
      select 'made up', 'email-undo', id, 'old@example.com', 'old@example.com', 0, 0, 0, ${site.clock.time + 1} from users`,
  )
  await assertRefused('Your email address was changed a short time ago')
})

async function assertRefused(sentence: string): Promise<void> {
  const visitor = site.visitor()
  await visitor.logIn('Anna')
  const page = await visitor.open(LOST)
  assert.match(page.$('main').text(), sentence)
  assert.is(page.$('main form').length, 0)
  const response = await visitor.post(LOST, await formOn(visitor, '/login/two-step/'))
  assert.is(response.status, 406)
  assert.match(response.messages().join(), sentence)
  assert.is(await sentOf(/Turn off/), 0)
}

test('a password change between email and button refuses the start', async () => {
  const visitor = site.visitor()
  await requestEmail(visitor)
  const link = await theLink()
  const page = await visitor.follow(link)
  await site.write(`update users set password_at = ${site.clock.time}`)
  assert.is((await visitor.send(page)).status, 410)
  assert.is(await endsAt(), null)
  assert.is(await countOf('second_lost_asked'), 0)
})

test('refused where two-step verification is required, even after the wait', async () => {
  await started()
  site.clock.advance(3 * DAY)
  const ruled = await Site.start({ database: site.database, environment: { SECOND_STEP: 'required' } })
  ruled.clock.time = site.clock.time
  const visitor = ruled.visitor()
  await visitor.logIn('Anna')
  const page = await visitor.open(LOST)
  assert.match(page.$('main').text(), 'is required for you')
  assert.is((await visitor.post(`${LOST}finish/`, await formOn(visitor, '/login/two-step/'))).status, 406)
  await ruled.close()
})

test('FACTOR_RECOVERY=off removes the page and its link, even after a wait', async () => {
  await started()
  site.clock.advance(3 * DAY)
  const off = await Site.start({ database: site.database, environment: { FACTOR_RECOVERY: 'off' } })
  off.clock.time = site.clock.time
  const visitor = off.visitor()
  await visitor.logIn('Anna')
  assert.is((await visitor.open(LOST)).status, 404)
  assert.not((await visitor.open('/login/two-step/')).text.includes(LOST))
  await off.close()
})

test('FACTOR_RECOVERY sets the wait, and 1 day has no reminder', async () => {
  const short = await Site.start({ environment: { FACTOR_RECOVERY: '1d' } })
  await turnOn(short, await settled(short, 'Anna'))
  short.clock.advance(DAY)
  const visitor = short.visitor()
  await visitor.logIn('Anna')
  await visitor.send(await visitor.open(LOST))
  const mail = await short.mailThat(ADDRESS, ({ link }) => link.startsWith(LOST))
  await visitor.send(await visitor.follow(mail))
  const [user] = await short.rows<{ ends: number }>('select second_ends_at as ends from users')
  assert.is(Number(user?.ends), short.clock.time + DAY)
  assert.equal(await short.rows("select 1 from mails where kind = 'second-lost-soon'"), [])
  await short.close()
})

test('without a half login it leads to the login, and a logged-in user home', async () => {
  assert.is((await site.visitor().open(LOST)).headers.location, '/login/')
  assert.is((await owner.open(LOST)).headers.location, '/')
})

test.run()
