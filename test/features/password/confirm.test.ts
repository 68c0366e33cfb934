import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { MINUTE } from '../../../src/base/durations.js'
import { PASSWORD, type Page, Site, type Visitor } from '../../support/helpers.js'

const test = suite('password/confirm')
let site: Site

test.before(async () => {
  site = await Site.start()
})
test.after(() => site.close())

const TOO_LATE = 10 * MINUTE
const GUARDED = '/members/recent/'
const BACK = ['✔ Here is what you typed. Nothing has been sent yet: check it, then send it.']

/** Logs in, and waits until the login is no longer recent. */
async function settled(name: string, options?: { htmx: boolean }): Promise<Visitor> {
  const visitor = await site.visitor(options).settle(name)
  site.clock.advance(TOO_LATE)
  return visitor
}

/** Enters the right password, and opens the page that follows. */
async function opened(visitor: Visitor, response: Page): Promise<Page> {
  assert.is(response.status, 303)
  assert.is(response.headers.location, GUARDED)
  return visitor.open(GUARDED)
}

test('a recent login needs no password', async () => {
  const visitor = await site.visitor().settle('Fresh')
  site.clock.advance(TOO_LATE - 1)
  assert.is((await visitor.open(GUARDED)).status, 200)
  const page = await visitor.send(await visitor.open(GUARDED), { note: 'hello' })
  assert.is(page.status, 303)
  assert.is((await visitor.open(GUARDED)).value('note'), 'hello')
  site.clock.advance(1)
  assert.is((await visitor.open(GUARDED)).status, 303)
})

for (const htmx of [false, true]) {
  const kind = htmx ? 'htmx' : 'a plain browser'

  test(`${kind}: a page asks for the password, shows errors, and then opens`, async () => {
    const visitor = await settled(`Asked ${htmx}`, { htmx })
    const asked = await visitor.open(`${GUARDED}?a=b`)
    assert.is(asked.status, 303)
    assert.is(asked.headers.location, '/password/confirm/?next=%2Fmembers%2Frecent%2F%3Fa%3Db')
    const form = await visitor.open(asked.headers.location ?? '')
    assert.match(form.$('main').text(), `Asked ${htmx}`)
    for (const [password, message] of [
      ['', '⚠ Enter your password.'],
      ['mistyped', '⚠ The password is not correct. Try again.'],
    ] as const) {
      const page = await visitor.send(form, { password })
      assert.is(page.status, 406)
      assert.equal(page.messages(), [message])
      assert.is(page.isWhole, !htmx)
      assert.is((await visitor.open(GUARDED)).status, 303)
    }
    const page = await visitor.send(form, { password: PASSWORD })
    assert.is(page.status, htmx ? 200 : 303)
    assert.is(page.headers[htmx ? 'hx-redirect' : 'location'], `${GUARDED}?a=b`)
    assert.is((await visitor.open(GUARDED)).status, 200)
  })
}

test('a visitor who has just logged in is not asked', async () => {
  await site.visitor().signUp('Outside')
  const visitor = site.visitor()
  const asked = await visitor.open(GUARDED)
  assert.is(asked.headers.location, '/login/?next=%2Fmembers%2Frecent%2F')
  await visitor.send(await visitor.open(asked.headers.location ?? ''), {
    username: 'Outside',
    password: PASSWORD,
  })
  assert.is((await visitor.open(GUARDED)).status, 200)
  assert.is((await visitor.open('/password/confirm/?next=/members/recent/')).headers.location, GUARDED)
})

test('an outdated form is not processed, and comes back filled in after the password', async () => {
  const visitor = await site.visitor().settle('Typist')
  const page = await visitor.open(GUARDED)
  site.clock.advance(TOO_LATE)
  const asked = await visitor.send(page, { note: 'käpt "safe"' })
  assert.is(asked.status, 403)
  assert.equal(asked.messages(), ['⚠ Enter your password first. Nothing has been changed yet.'])
  assert.is(asked.$('main form').attr('action'), '/password/confirm/verify/')
  assert.not.match(asked.text, 'käpt', 'it is encrypted in the page')

  const wrong = await visitor.send(asked, { password: 'mistyped' })
  assert.is(wrong.status, 406)
  const right = await visitor.send(wrong, { password: PASSWORD })
  const back = await opened(visitor, right)
  assert.is(back.status, 200)
  assert.equal(back.messages(), BACK)
  assert.is(back.value('note'), 'käpt "safe"')
  assert.is((await visitor.open(GUARDED)).value('note'), undefined, 'the form was shown, not run')
  assert.is((await visitor.send(back)).status, 303)
  assert.is((await visitor.open(GUARDED)).value('note'), 'käpt "safe"')
})

test('htmx keeps its page, and gets a button that keeps the input', async () => {
  const visitor = await site.visitor({ htmx: true }).settle('Htmx typist')
  const page = await visitor.open(GUARDED)
  site.clock.advance(TOO_LATE)
  const asked = await visitor.send(page, { note: 'kept' })
  assert.is(asked.status, 403)
  assert.not.ok(asked.isWhole)
  const fields = asked.$('.error form').serialize()
  // htmx leaves this form to the browser.
  const browser = Object.assign(site.visitor(), { agent: visitor.agent })
  const form = await browser.post(asked.$('.error form').attr('action') ?? '', fields)
  assert.is(form.status, 200)
  assert.equal(form.messages(), [])
  assert.is(form.$('main form').attr('data-hx-action'), undefined)
  const right = await browser.send(form, { password: PASSWORD })
  assert.is((await opened(browser, right)).value('note'), 'kept')
})

test('kept input is decrypted only in its session, on its page, for 10 minutes', async () => {
  const visitor = await settled('Owner')
  const stranger = await settled('Stranger')
  const asked = await sentLate(visitor)
  const sealed = asked.value('_typed') ?? ''
  assert.ok(sealed.length > 50)
  assert.is((await stranger.post(GUARDED, new URLSearchParams({ _typed: sealed }).toString())).status, 303)
  await confirmed(stranger)
  for (const [who, path, text] of [
    [stranger, GUARDED, sealed],
    [site.visitor(), GUARDED, sealed],
    [visitor, '/members/', sealed],
    [visitor, GUARDED, `${sealed.slice(0, -1)}${sealed.endsWith('A') ? 'B' : 'A'}`],
    [visitor, GUARDED, 'nonsense'],
    [visitor, GUARDED, ''],
  ] as const) {
    const page = await who.post(path, new URLSearchParams({ _typed: text }).toString())
    assert.not.match(page.text, 'of the owner')
  }
  await confirmed(visitor)
  const shown = () => visitor.post(GUARDED, new URLSearchParams({ _typed: sealed }).toString())
  assert.is((await shown()).value('note'), 'of the owner')
  site.clock.advance(TOO_LATE - 1)
  await confirmed(visitor)
  assert.is((await shown()).value('note'), 'of the owner')
  site.clock.advance(1)
  assert.is((await shown()).value('note'), undefined)
})

/** Sends a form that was opened while the login was recent. */
async function sentLate(visitor: Visitor): Promise<Page> {
  await confirmed(visitor)
  const page = await visitor.open(GUARDED)
  site.clock.advance(TOO_LATE)
  return visitor.send(page, { note: 'of the owner' })
}

async function confirmed(visitor: Visitor): Promise<void> {
  const form = await visitor.open('/password/confirm/')
  if (form.status === 200) assert.is((await visitor.send(form, { password: PASSWORD })).status, 303)
}

test('a message says that input older than 10 minutes is not kept', async () => {
  const visitor = await settled('Slow')
  const asked = await sentLate(visitor)
  site.clock.advance(TOO_LATE)
  const page = await visitor.send(asked, { password: PASSWORD })
  assert.is(page.status, 303)
  assert.match((await visitor.open(GUARDED)).messages().join(), 'kept for 10 minutes only')
})

const NOISE = Array.from({ length: 6000 }, (_, index) =>
  ((index * 7919 * 104729) % 2147483647).toString(36),
).join('')

test('input too long for a cookie comes back by a button, up to a limit', async () => {
  const visitor = await settled('Novelist')
  const page = await visitor.open('/password/confirm/')
  await visitor.send(page, { password: PASSWORD })
  const form = await visitor.open(GUARDED)
  for (const note of ['A long text of a real novelist. '.repeat(900), NOISE.slice(0, 15_000)]) {
    site.clock.advance(TOO_LATE)
    const asked = await visitor.send(form, { note })
    assert.is(asked.status, 403)
    const right = await visitor.send(asked, { password: PASSWORD })
    const back = right.status === 303 ? await opened(visitor, right) : await visitor.send(right)
    assert.is(back.status, 200)
    assert.is(back.value('note'), note)
    assert.is((await visitor.open(GUARDED)).value('note'), undefined, 'the form was shown once, and not run')
  }
  site.clock.advance(TOO_LATE)
  const refused = await visitor.send(form, { note: NOISE.slice(0, 31_000) })
  assert.is(refused.status, 403)
  assert.match(refused.messages().join(), 'too long to keep')
  assert.is(refused.value('_typed'), undefined)
})

for (const htmx of [false, true]) {
  test(`${htmx ? 'htmx' : 'a plain browser'}: after a logout elsewhere it leads to the login`, async () => {
    const visitor = await settled(`Tabs ${htmx}`, { htmx })
    const form = await visitor.open(`/password/confirm/?next=${GUARDED}`)
    await visitor.send(await visitor.open('/logout/'))
    const page = await visitor.send(form, { password: PASSWORD })
    assert.is(page.status, 403)
    assert.equal(page.messages(), [
      '⚠ You are logged out. Log in, then send this again if it is still needed. Log in',
    ])
    assert.is(page.$('.error a').attr('href'), `/login/?next=${encodeURIComponent(GUARDED)}`)
  })
}

test('an empty password is refused, and the kept input stays', async () => {
  const visitor = await settled('Hasty')
  const asked = await sentLate(visitor)
  const page = await visitor.send(asked, { password: '' })
  assert.is(page.status, 406)
  assert.equal(page.messages(), ['⚠ Enter your password.'])
  assert.is(page.value('_typed'), asked.value('_typed'))
})

test('for an empty form no input is kept', async () => {
  const visitor = await settled('Silent')
  await confirmed(visitor)
  const page = await visitor.open(GUARDED)
  site.clock.advance(TOO_LATE)
  const asked = await visitor.send(page, { note: '' })
  assert.is(asked.status, 403)
  assert.is(asked.value('_typed'), undefined)
  assert.is((await visitor.send(asked, { password: PASSWORD })).headers.location, GUARDED)
})

test('a cross-site form is refused, and shows no kept input', async () => {
  const visitor = await settled('Target')
  const sealed = (await sentLate(visitor)).value('_typed') ?? ''
  await confirmed(visitor)
  const evil = { Origin: 'https://evil.example', 'Sec-Fetch-Site': 'cross-site' }
  const back = await visitor.post(GUARDED, new URLSearchParams({ _typed: sealed }).toString(), evil)
  assert.not.match(back.text, 'of the owner')
  site.clock.advance(TOO_LATE)
  const asked = await visitor.post(`${GUARDED}verify/`, 'note=evil', evil)
  assert.is(asked.status, 403)
  assert.match(asked.messages().join(), 'another site')
  assert.is(asked.value('_typed'), undefined)
})

test('the password renews the session’s token, and the old one soon ends', async () => {
  await site.visitor().signUp('Rotated')
  const owner = site.visitor()
  const [former = ''] = (await owner.logIn('Rotated')).sessionCookie.split(';')
  site.clock.advance(TOO_LATE)
  await confirmed(owner)
  const thief = site.visitor()
  assert.is(
    (await thief.open(GUARDED, { Cookie: former })).headers.location,
    `/password/confirm/?next=${encodeURIComponent(GUARDED)}`,
  )
  site.clock.advance(10_000)
  assert.not.match((await thief.open('/', { Cookie: former })).text, 'Log out')
  assert.match((await owner.open('/')).text, 'Log out')
})

for (const kept of ['first', 'last']) {
  test(`a double click keeps the browser logged in with the ${kept} response`, async () => {
    const visitor = await settled(`Double ${kept}`)
    const form = await visitor.open('/password/confirm/')
    const Cookie = visitor.agent.jar
      .getCookies({ domain: '127.0.0.1', path: '/', secure: false, script: false })
      .toValueString()
    const typed = new URLSearchParams(form.$('main form').first().serialize())
    typed.set('password', PASSWORD)
    // The browser does not wait for this response.
    const ignored = () => site.visitor().post('/password/confirm/verify/', `${typed}`, { Cookie })
    const waited = () => visitor.send(form, { password: PASSWORD })
    for (const press of kept === 'first' ? [waited, ignored] : [ignored, waited]) {
      assert.is((await press()).status, 303)
    }
    assert.is((await visitor.open(GUARDED)).status, 200)
  })
}

test('wrong passwords are limited, and a logged-in browser is a known device', async () => {
  const own = await Site.start()
  const visitor = await own.visitor().settle('Limited')
  own.clock.advance(TOO_LATE)
  // A session without its device cookie.
  visitor.agent.jar.setCookie(
    'gatehouse-device=; path=/; expires=Thu, 01 Jan 1970 00:00:00 GMT',
    '127.0.0.1',
    '/',
  )
  for (let tries = 0; tries < 6; tries++) await own.visitor().logIn('Limited', { password: 'wrong' })
  const form = await visitor.open('/password/confirm/')
  for (let tries = 0; tries < 20; tries++) {
    assert.is((await visitor.send(form, { password: 'wrong' })).status, 406)
  }
  const limited = await visitor.send(form, { password: PASSWORD })
  assert.is(limited.status, 429)
  assert.equal(limited.messages(), [
    '⚠ Too many failed attempts. Try again in 15 minutes, or choose a new password by email.',
  ])
  assert.is(limited.headers['retry-after'], '900')
  await own.close()
})

test.run()
