import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { MINUTE } from '../../src/base/durations.js'
import { PASSWORD, type Page, Site, type Visitor } from '../support/helpers.js'

const test = suite('a page opened for another account')
let site: Site

test.before(async () => {
  const LIMITS = { LIMIT_MAIL_NETWORK: '1000/1h', LIMIT_SIGNUP_NETWORK: '1000/1h' }
  site = await Site.start({ environment: LIMITS })
})
test.after(() => site.close())
test.after.each(() => site.emptyMailbox())

let made = 0

/** Creates two users, and returns a browser in which the first one is logged in. */
async function twoUsers(options = {}): Promise<{ browser: Visitor; first: string; second: string }> {
  const number = ++made
  const [first, second] = [`First ${number}`, `Second ${number}`]
  await site.visitor().signUp(second, { email: `second${number}@example.com` })
  const browser = site.visitor(options)
  await browser.signUp(first, { email: `first${number}@example.com` })
  await browser.logIn(first)
  return { browser, first, second }
}

/** Logs out and logs in as another user, as in another tab. */
async function switchTo(browser: Visitor, username: string): Promise<void> {
  const logout = await browser.open('/logout/')
  await browser.send(logout)
  await browser.logIn(username)
}

interface Form {
  page: string
  typed?: Record<string, string>
  action?: string | ((page: Page) => string)
}

const firstRevoke = (page: Page) => page.$('form[action$="/revoke/"]').first().attr('action') ?? ''
const firstName = (page: Page) => page.$('form[action$="/name/"]').first().attr('action') ?? ''

const FORMS: Record<string, Form> = {
  'a username change': { page: '/account/name/', typed: { username: 'Renamed' } },
  'an email change': {
    page: '/account/email/',
    typed: { email: 'other@example.com' },
    action: '/account/email/verify/',
  },
  'a password change': {
    page: '/account/password/',
    typed: { current: PASSWORD, password: 'another horse 43', repassword: 'another horse 43' },
  },
  'logging out a device': { page: '/account/devices/', action: firstRevoke },
  'naming a device': { page: '/account/devices/', typed: { name: 'Mine' }, action: firstName },
  'sending another email': { page: '/email/confirm/', action: '/email/confirm/send/' },
  'correcting the address': { page: '/email/confirm/address/', typed: { email: 'right@example.com' } },
  'closing the account': { page: '/account/close/' },
  'logging out': { page: '/logout/' },
}

async function stateOf(name: string): Promise<unknown> {
  const [user] = await site.rows<{ id: string }>('select * from users where name = ?', name)
  assert.ok(user)
  const sessions = await site.rows('select id, device_name from sessions where user_id = ?', user.id)
  const events = await site.rows("select kind from events where user_id = ? and kind <> 'logged_in'", user.id)
  return { user, sessions, events }
}

for (const htmx of [false, true]) {
  for (const [what, { page: path, typed = {}, action }] of Object.entries(FORMS)) {
    test(`${htmx ? 'htmx' : 'a plain browser'}: ${what} is refused, naming the current user`, async () => {
      const { browser, second } = await twoUsers({ htmx })
      const page = await browser.open(path)
      await switchTo(browser, second)
      const before = await stateOf(second)
      const to = typeof action === 'function' ? action(page) : action
      const refused = await browser.send(page, typed, to)
      assert.is(refused.status, 403)
      assert.is(refused.messages().length, 1)
      assert.match(refused.messages()[0] ?? '', `opened for another account`)
      assert.match(refused.messages()[0] ?? '', second)
      assert.equal(await stateOf(second), before)
      for (const [name, text] of Object.entries(typed).filter(([name]) => !/pass|current/.test(name))) {
        if (!htmx || refused.value(name) !== undefined) assert.ok(refused.text.includes(text), name)
      }
    })
  }

  test(`${htmx ? 'htmx' : 'a plain browser'}: pressing again changes the account that was named`, async () => {
    const { browser, first, second } = await twoUsers({ htmx })
    const page = await browser.open('/account/name/')
    await switchTo(browser, second)
    const wanted = `Again ${made}`
    const refused = await browser.send(page, { username: wanted })
    const token = refused.value('_csrf')
    const again = await browser.send(page, { username: wanted, _csrf: token })
    assert.is(again.status, htmx ? 200 : 303)
    const names = await site.rows<{ name: string }>(
      'select name from users where name in (?, ?, ?)',
      first,
      second,
      wanted,
    )
    assert.equal(names.map(({ name }) => name).sort(), [wanted, first].sort())
  })

  test(`${htmx ? 'htmx' : 'a plain browser'}: the page does not ask for the current user’s password`, async () => {
    const { browser, second } = await twoUsers({ htmx })
    const page = await browser.open('/account/close/')
    await switchTo(browser, second)
    site.clock.advance(11 * MINUTE)
    const refused = await browser.send(page)
    assert.is(refused.status, 403)
    assert.match(refused.messages()[0] ?? '', `You are now logged in as ${second}`)
    assert.is(refused.$('input[type=password]').length, 0)
  })

  test(`${htmx ? 'htmx' : 'a plain browser'}: another half login counts as another account`, async () => {
    const browser = site.visitor({ htmx })
    const [one, other] = [`One ${++made}`, `Other ${made}`]
    await browser.signUp(one, { email: `one${made}@example.com` })
    const page = await browser.open('/email/confirm/address/')
    await browser.signUp(other, { email: `other${made}@example.com` })
    const refused = await browser.send(page, { email: `right${made}@example.com` })
    assert.is(refused.status, 403)
    assert.match(refused.messages()[0] ?? '', other)
    assert.equal(await site.rows('select 1 from users where email = ?', `right${made}@example.com`), [])
  })

  test(`${htmx ? 'htmx' : 'a plain browser'}: another opened link counts as another account`, async () => {
    const [one, other] = [`Reader ${++made}`, `Other reader ${made}`]
    const [first, second] = [`reader${made}@example.com`, `other-reader${made}@example.com`]
    await site.visitor().signUp(one, { email: first })
    await site.visitor().signUp(other, { email: second })
    await site.emptyMailbox()
    const browser = site.visitor({ htmx })
    const ask = async (username: string, email: string) => {
      await browser.send(await browser.open('/password/forgot/'), { username })
      return site.mail(email)
    }
    const [mail, theirs] = [await ask(one, first), await ask(other, second)]
    const page = await browser.follow(mail)
    await browser.follow(theirs)
    const typed = { password: 'another horse 43', repassword: 'another horse 43' }
    const refused = await browser.send(page, typed)
    assert.is(refused.status, 403)
    assert.match(refused.messages()[0] ?? '', other)
    assert.is((await site.visitor().logIn(other)).status, 303, 'the other account’s password is unchanged')
    assert.is((await site.visitor().logIn(one)).status, 303)
  })
}

test('a download of the data is refused, naming the current user', async () => {
  for (const isRecent of [true, false]) {
    const { browser, second } = await twoUsers()
    const page = await browser.open('/account/export/')
    const link = page.$('a[href*="/json/"]').attr('href') ?? ''
    assert.match((await browser.open(link)).headers['content-type'] ?? '', 'application/json')
    await switchTo(browser, second)
    if (!isRecent) site.clock.advance(11 * MINUTE)
    const refused = await browser.open(link)
    assert.is(refused.status, 403)
    assert.match(refused.messages()[0] ?? '', `You are now logged in as ${second}`)
    assert.is(refused.$('.error a').attr('href'), '/account/export/')
  }
})

test('a page from before another login of the same user has expired', async () => {
  const { browser, first } = await twoUsers()
  const page = await browser.open('/account/name/')
  await switchTo(browser, first)
  const refused = await browser.send(page, { username: 'Same' })
  assert.is(refused.status, 403)
  assert.match(refused.messages()[0] ?? '', 'open for too long')
})

test.run()
