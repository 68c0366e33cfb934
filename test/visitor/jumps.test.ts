import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { DAY, MINUTE } from '../../src/base/durations.js'
import type { AccountEvent } from '../../src/index.js'
import { PASSWORD, type Page, Site, type Visitor } from '../support/helpers.js'
import { workOf } from '../support/statements.js'

/*
 * What a user learns when someone has copied a session's cookie.
 */
const test = suite('copied session cookies')

const PATH = '/account/devices/'
const HOME = '192.0.2.1'
const ELSEWHERE = '203.0.113.9'
const FIREFOX = 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0'
const FIREFOX_LATER = FIREFOX.replaceAll('128.0', '131.0')
const IPHONE =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1'
const CHROME =
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36'

const told: AccountEvent[] = []
let site: Site
let mailing: Site

test.before(async () => {
  const environment = { TRUST_PROXY: '1', LIMIT_SIGNUP_NETWORK: '100/1h' }
  site = await Site.start({ environment, onEvent: (event) => void told.push(event) })
  mailing = await Site.start({ environment: { ...environment, MAIL_ON_JUMP: 'on' } })
})
test.after(async () => {
  await site.close()
  await mailing.close()
})

/** Gives the browser another IP address and User-Agent. */
function move(visitor: Visitor, { from, userAgent }: { from: string; userAgent: string }): Visitor {
  visitor.agent.set('X-Forwarded-For', from).set('User-Agent', userAgent)
  return visitor
}

/** Creates an account, and logs in with a browser at home. */
async function atHome(name: string, at = site, userAgent = FIREFOX): Promise<Visitor> {
  const visitor = move(at.visitor(), { from: HOME, userAgent })
  await visitor.settle(name)
  return visitor
}

/** Returns a browser with copies of another one's cookies. */
function copyOf(owner: Visitor, place: { from: string; userAgent: string }, at = site): Visitor {
  const thief = move(at.visitor(), place)
  const from = { domain: '127.0.0.1', path: '/', secure: false, script: false }
  for (const { name, value } of owner.agent.jar.getCookies(from)) {
    thief.agent.jar.setCookie(`${name}=${value}; path=/`, '127.0.0.1', '/')
  }
  return thief
}

async function jumpsOf(name: string, at = site) {
  return at.rows<{ user_agent: string; address: string }>(
    `select user_agent, address from events join users on users.id = user_id
     where name = ? and kind = 'session_jumped' order by events.id`,
    name,
  )
}

/** Returns where the list says that devices were used. */
function placesOf({ $ }: Page): string[] {
  return $('.rows > li > .hint')
    .toArray()
    .map((hint) => $(hint).text().replaceAll(/\s+/g, ' ').trim())
    .filter((hint) => /used from/i.test(hint))
}

async function jumpMails(name: string): Promise<{ text: string; subject: string }[]> {
  await mailing.allSent()
  const mails = await mailing.mails(`${name}@example.com`, 0)
  return mails.filter(({ subject }) =>
    subject.startsWith('Your Gatehouse account was used from another browser'),
  )
}

test('a copied cookie is shown in devices and activity, and onEvent gets it', async () => {
  const owner = await atHome('Robbed')
  const thief = copyOf(owner, { from: ELSEWHERE, userAgent: CHROME })
  assert.is((await thief.open('/account/')).status, 200)
  assert.equal(await jumpsOf('Robbed'), [{ user_agent: CHROME, address: ELSEWHERE }])
  assert.is(told.filter(({ kind }) => kind === 'session_jumped').length, 1)
  const list = await owner.open(PATH)
  assert.equal(placesOf(list), [
    'Last used from: Chrome on Windows · 203.0.113.9',
    'Used from another network and browser: Chrome on Windows · 203.0.113.9 · now',
  ])
  site.clock.advance(5 * MINUTE)
  await owner.open(PATH)
  await site.useStored('Robbed')
  assert.equal(
    placesOf(await owner.open(PATH)),
    ['Used from another network and browser: Chrome on Windows · 203.0.113.9 · 5 minutes ago'],
    'later use at home does not hide it',
  )
  const activity = await owner.open('/account/activity/')
  assert.match(activity.text, 'Device used from another network and browser')
  const stored = JSON.parse((await owner.open('/account/export/json/')).text).sessions.at(0)
  assert.is(stored.jumpAddress, ELSEWHERE)
  assert.is(stored.jumpUserAgent, CHROME)
  assert.match(stored.jumpedAt, /^2026-/)
  const page = await owner.open('/account/export/')
  assert.match(page.$('main').text(), 'Used from another network and browser:')
})

test('a copied cookie is one event a day, from however many places', async () => {
  const owner = await atHome('Haunted')
  const thief = copyOf(owner, { from: ELSEWHERE, userAgent: CHROME })
  await Promise.all([thief, thief, thief, thief].map((one) => one.open('/account/')))
  for (const userAgent of ['curl/8.5.0', IPHONE, '', CHROME]) {
    site.clock.advance(2 * MINUTE)
    await owner.open('/')
    await move(thief, { from: `198.51.100.${userAgent.length % 250}`, userAgent }).open('/')
  }
  assert.is((await jumpsOf('Haunted')).length, 1)
  for (const _ of ['noon', 'midnight']) {
    site.clock.advance(DAY / 2)
    await owner.open('/')
    await site.useStored('Haunted')
  }
  assert.is((await jumpsOf('Haunted')).length, 1, 'the owner’s return is no event')
  await thief.open('/')
  assert.is((await jumpsOf('Haunted')).length, 2)
})

test('a roaming phone or an updated browser causes no event', async () => {
  const phone = await atHome('Roaming', site, IPHONE)
  for (const from of [ELSEWHERE, '2001:db8::1', '198.51.100.4']) {
    site.clock.advance(2 * MINUTE)
    await move(phone, { from, userAgent: IPHONE.replace('17_5', '17_6').replace('17.5', '17.6') }).open('/')
  }
  await site.useStored('Roaming')
  assert.equal(placesOf(await phone.open(PATH)), ['Last used from: Safari on iPhone · 198.51.100.4'])
  const browser = await atHome('Updated')
  site.clock.advance(2 * MINUTE)
  await move(browser, { from: ELSEWHERE, userAgent: FIREFOX_LATER }).open('/')
  assert.equal(await jumpsOf('Roaming'), [])
  assert.equal(await jumpsOf('Updated'), [])
})

test('another browser in the same IPv6 network causes no event', async () => {
  const owner = move(site.visitor(), { from: '2001:db8:0:1::1', userAgent: FIREFOX })
  await owner.settle('Neighbor')
  await copyOf(owner, { from: '2001:db8:0:1:ffff::2', userAgent: CHROME }).open('/')
  assert.equal(await jumpsOf('Neighbor'), [])
  await copyOf(owner, { from: '2001:db8:0:2::1', userAgent: CHROME }).open('/')
  assert.is((await jumpsOf('Neighbor')).length, 1)
})

test('a login that replaces a session inherits none of its networks and browsers', async () => {
  await site.visitor().signUp('Anew')
  const owner = move(site.visitor(), { from: HOME, userAgent: FIREFOX })
  const form = await owner.open('/login/')
  const again = copyOf(owner, { from: HOME, userAgent: FIREFOX })
  const send = (one: Visitor) => one.send(form, { username: 'Anew', password: PASSWORD })
  await send(owner)
  await copyOf(owner, { from: ELSEWHERE, userAgent: CHROME }).open('/')
  assert.is(placesOf(await owner.open(PATH)).length, 2)
  await send(again)
  const list = await again.open(PATH)
  assert.is(list.$('.rows > li').length, 1)
  assert.equal(placesOf(list), [])
})

test('a page takes one statement from any network, and one more each minute', async () => {
  const statementsOf = async (visitor: Visitor) => {
    const { before, after } = await workOf(site, async () => {
      await visitor.open('/')
      await site.useStored('Thrifty')
    })
    return [...before, ...after]
  }
  const owner = await atHome('Thrifty')
  site.clock.advance(2 * MINUTE)
  const first = await statementsOf(owner)
  assert.is(first.length, 2, first.join('\n'))
  assert.match(first[1] ?? '', /^update "sessions" set "last_seen_at"/)
  assert.is((await statementsOf(owner)).length, 1)
  move(owner, { from: ELSEWHERE, userAgent: FIREFOX_LATER })
  assert.is((await statementsOf(owner)).length, 1)
  const thief = copyOf(owner, { from: '198.51.100.4', userAgent: CHROME })
  await thief.open('/')
  assert.is((await jumpsOf('Thrifty')).length, 1)
  assert.is((await statementsOf(thief)).length, 1)
  assert.is((await statementsOf(owner)).length, 1)
})

test('with MAIL_ON_JUMP a confirmed address gets one email', async () => {
  const owner = await atHome('Written', mailing)
  await mailing.write("update users set email_confirmed_at = 1 where name = 'Written'")
  const thief = copyOf(owner, { from: ELSEWHERE, userAgent: CHROME }, mailing)
  await thief.open('/')
  await thief.open('/account/')
  assert.is((await jumpsOf('Written', mailing)).length, 1)
  const mails = await jumpMails('Written')
  assert.is(mails.length, 1)
  const { text = '' } = mails[0] ?? {}
  assert.match(text, 'Device: Chrome on Windows')
  assert.match(text, `IP address: ${ELSEWHERE}`)
  assert.match(text, PATH)
})

test('without the option, or unconfirmed, nobody gets an email', async () => {
  const unconfirmed = await atHome('Unheard', mailing)
  await copyOf(unconfirmed, { from: ELSEWHERE, userAgent: CHROME }, mailing).open('/')
  assert.is((await jumpsOf('Unheard', mailing)).length, 1)
  assert.equal(await jumpMails('Unheard'), [])
  const unwritten = await atHome('Unwritten')
  await site.write("update users set email_confirmed_at = 1 where name = 'Unwritten'")
  await copyOf(unwritten, { from: ELSEWHERE, userAgent: CHROME }).open('/')
  assert.is((await jumpsOf('Unwritten')).length, 1)
  assert.equal(await site.rows("select 1 from mails where kind = 'session-jumped'"), [])
})

test('MAIL_ON_JUMP must be on or off, and needs email', async () => {
  const start = (environment: Record<string, string>) => Site.start({ environment })
  for (const [environment, sentence] of [
    [{ MAIL_ON_JUMP: 'yes' }, 'MAIL_ON_JUMP must be on or off'],
    [{ MAIL_ON_JUMP: 'on', MAIL: 'off' }, 'MAIL_ON_JUMP cannot be on with MAIL=off'],
  ] as const) {
    const error: unknown = await start(environment).catch((refusal: unknown) => refusal)
    assert.match(String(error), sentence)
  }
})

test.run()
