import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { newCode } from '../../src/accounts/codes.js'
import { LIMITS } from '../../src/accounts/limit-rules.js'
import { DAY, HOUR, MINUTE } from '../../src/base/durations.js'
import { type Mail, type Page, Site, type Visitor } from '../support/helpers.js'

const test = suite('limits of codes')
const CONFIRM = '/email/confirm/'
const RESET = '/password/reset/'
let site: Site

test.before(async () => {
  site = await Site.start({
    environment: { TRUST_PROXY: '1', LIMIT_CODE_NETWORK: '8/1h', LIMIT_CODE_SITE: '12/1h' },
  })
})
test.after(() => site.close())
test.after.each(async () => {
  await site.emptyMailbox()
  site.clock.advance(DAY)
})

let networks = 0

/** Returns a browser in another network each time. */
function visitorElsewhere(options = {}): Visitor {
  return visitorFrom(`198.51.100.${++networks}`, options)
}

function visitorFrom(address: string, options = {}): Visitor {
  const visitor = site.visitor(options)
  visitor.agent.set('X-Forwarded-For', address)
  return visitor
}

let made = 0

async function newcomer(
  options = {},
): Promise<{ visitor: Visitor; name: string; mail: Mail; email: string }> {
  const name = `user ${++made}`
  const email = `user${made}@example.com`
  const visitor = visitorElsewhere(options)
  await visitor.signUp(name, { email })
  return { visitor, name, email, mail: await site.mail(email) }
}

async function askForReset(visitor: Visitor, username: string): Promise<Page> {
  await visitor.send(await visitor.open('/password/forgot/'), { username })
  return visitor.open(RESET)
}

function wrong({ code }: Mail): string {
  return code === '00000000' ? '00000001' : '00000000'
}

test('guessing codes from many networks succeeds less than 1 in 100,000 a day', () => {
  const { max, window } = LIMITS.codeSite
  const guesses = max * (DAY / window + 1)
  assert.ok(guesses / 10 ** newCode().length < 1 / 100_000)
})

test('a code that the database failed to check counts against no limit', async () => {
  const { visitor, mail } = await newcomer()
  const counters = () => site.rows<{ key: string; count: number }>('select * from limits order by key')
  const page = await visitor.open(CONFIRM)
  assert.is((await visitor.send(page, { code: wrong(mail) })).status, 406)
  const before = await counters()
  assert.ok(before.some(({ count }) => count > 0))
  await site.write('alter table tokens rename column code_tries to missing')
  assert.is((await visitor.send(page, { code: wrong(mail) })).status, 500)
  assert.equal(await counters(), before)
  await site.write('alter table tokens rename column missing to code_tries')
  assert.is((await visitor.send(page, { code: mail.code })).status, 303)
})

test('codes have 8 digits, even small ones', () => {
  for (let count = 0; count < 1000; count++) assert.match(newCode(), /^\d{8}$/)
})

for (const htmx of [false, true]) {
  const kind = htmx ? 'htmx' : 'a plain browser'

  test(`${kind}: a reset code works only in the browser that asked for it`, async () => {
    const { name, email } = await newcomer()
    await site.emptyMailbox()
    const [owner, stranger] = [visitorElsewhere({ htmx }), visitorElsewhere({ htmx })]
    const strangersPage = await askForReset(stranger, name)
    await site.emptyMailbox()
    site.clock.advance(MINUTE)
    const ownersPage = await askForReset(owner, name)
    const mail = await site.mail(email)
    assert.is((await stranger.send(strangersPage, { code: mail.code })).status, 406)
    const right = await owner.send(ownersPage, { code: mail.code })
    assert.is(right.headers[htmx ? 'hx-redirect' : 'location'], RESET)
  })

  test(`${kind}: a confirmation code works only where it was requested`, async () => {
    const { visitor, name, mail, email } = await newcomer({ htmx })
    await visitor.logIn(name)
    const other = visitorElsewhere({ htmx })
    await other.logIn(name)
    const page = await other.open(CONFIRM)
    assert.is(page.$('#code').length, 0, 'there is no field for a code')
    const form = await visitor.open(CONFIRM)
    const typed = new URLSearchParams({ _csrf: page.value('_csrf') ?? '', code: mail.code })
    assert.is((await other.post(`${CONFIRM}verify/`, typed.toString())).status, 406)
    await site.emptyMailbox()
    await other.send(page, {}, `${CONFIRM}send/`)
    const again = await other.open(CONFIRM)
    assert.is(again.$('#code').length, 1)
    const second = await site.mailThat(email, ({ code }) => code !== '')
    assert.is((await visitor.send(form, { code: second.code })).status, 406)
    assert.is((await other.send(again, { code: second.code })).status, htmx ? 200 : 303)
  })

  test(`${kind}: a sign-up that was submitted twice leaves a working code`, async () => {
    const visitor = visitorElsewhere({ htmx })
    const name = `user ${++made}`
    const typed = { username: name, email: `user${made}@example.com` }
    const password = { password: 'correct horse 42', repassword: 'correct horse 42' }
    const form = await visitor.open('/signup/')
    for (let time = 0; time < 2; time++) {
      assert.is((await visitor.send(form, { ...typed, ...password })).status, htmx ? 200 : 303)
    }
    const { code } = await site.mail(typed.email)
    assert.is((await visitor.send(await visitor.open(CONFIRM), { code })).status, htmx ? 200 : 303)
  })
}

test('a code expires after 10 minutes, and its link later', async () => {
  const { name, email } = await newcomer()
  await site.emptyMailbox()
  const owner = visitorElsewhere()
  const page = await askForReset(owner, name)
  const mail = await site.mail(email)
  assert.match(mail.text, 'within 10 minutes')
  site.clock.advance(10 * MINUTE)
  assert.is((await owner.send(page, { code: mail.code })).status, 406)
  assert.is((await site.visitor().follow(mail)).status, 200)
})

test('wrong codes count per network for all accounts, and links still work', async () => {
  const here = '203.0.113.7'
  const statuses = []
  for (let account = 0; account < 2; account++) {
    const visitor = visitorFrom(here)
    const form = await askForReset(visitor, `nobody ${++made}`)
    for (let time = 0; time < 5; time++) {
      statuses.push((await visitor.send(form, { code: '12345678' })).status)
    }
  }
  assert.equal(statuses, [...Array(8).fill(406), 429, 429])
  const { name, mail } = await newcomer()
  const visitor = visitorFrom(here)
  await visitor.logIn(name)
  const limited = await visitor.send(await visitor.open(CONFIRM), {}, `${CONFIRM}send/`)
  assert.is(limited.status, 303)
  const refused = await visitor.send(await visitor.open(CONFIRM), { code: '12345678' })
  assert.is(refused.status, 429)
  assert.match(refused.messages()[0] ?? '', 'Codes are blocked for a while')
  assert.match(refused.messages()[0] ?? '', 'Use the link in the email, or try again in 60 minutes')
  assert.is(refused.value('code'), '12345678', 'what was typed is kept')
  assert.is((await visitor.send(await visitor.follow(mail))).status, 303)
})

test('wrong codes from many networks block all codes for an hour, but no link', async () => {
  const { visitor, mail } = await newcomer()
  for (let count = 0; count < 12; count++) {
    const guesser = visitorElsewhere()
    const form = await askForReset(guesser, `nobody ${++made}`)
    assert.is((await guesser.send(form, { code: '12345678' })).status, 406)
  }
  const form = await visitor.open(CONFIRM)
  assert.is((await visitor.send(form, { code: mail.code })).status, 429)
  assert.is((await visitor.send(await visitor.follow(mail))).status, 303)
  const later = await newcomer()
  await later.visitor.logIn(later.name)
  site.clock.advance(HOUR)
  await later.visitor.send(await later.visitor.open(CONFIRM), {}, `${CONFIRM}send/`)
  const fresh = await site.mailThat(later.email, ({ link }) => link !== later.mail.link)
  const right = await later.visitor.send(await later.visitor.open(CONFIRM), { code: fresh.code })
  assert.is(right.status, 303)
})

test('a right code after wrong ones does not count in the network’s limit', async () => {
  const here = '203.0.113.8'
  for (let account = 0; account < 4; account++) {
    const name = `user ${++made}`
    const visitor = visitorFrom(here)
    await visitor.signUp(name, { email: `user${made}@example.com` })
    const mail = await site.mail(`user${made}@example.com`)
    const page = await visitor.open(CONFIRM)
    for (let time = 0; time < 4; time++) {
      assert.is((await visitor.send(page, { code: wrong(mail) })).status, 406)
    }
    assert.is((await visitor.send(page, { code: mail.code })).status, 303)
  }
})

test.run()
