import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { MINUTE } from '../../../src/base/durations.js'
import { PASSWORD, type Page, Site, type Visitor } from '../../support/helpers.js'
import { codeAt, copyOf, filled, type SecondStep, settled, turnOn } from '../../support/second-step.js'

const test = suite('login/two-step')
let site: Site
let anna: SecondStep

test.before.each(async () => {
  const environment = {
    LIMIT_LOGIN_NAME: '1000/1h',
    LIMIT_LOGIN_ACCOUNT: '1000/1h',
    LIMIT_LOGIN_NETWORK: '1000/1h',
  }
  site = await Site.start({ environment })
  anna = await turnOn(site, await settled(site, 'Anna'))
})
test.after.each(() => site.close())

/** Enters the password in a new browser, and returns the page that follows. */
async function halfway(options: { htmx?: boolean } = {}): Promise<{ visitor: Visitor; page: Page }> {
  const visitor = site.visitor(options)
  const response = await visitor.logIn('Anna')
  assert.is(response.headers[options.htmx ? 'hx-redirect' : 'location'], '/login/two-step/')
  return { visitor, page: await visitor.open('/login/two-step/') }
}

async function isLoggedIn(visitor: Visitor): Promise<boolean> {
  return (await visitor.open('/account/')).status === 200
}

const now = () => codeAt(anna.secret, site.clock.time)

for (const htmx of [false, true]) {
  test(`${htmx ? 'htmx' : 'a plain browser'}: only the password and a code together log in`, async () => {
    const { visitor, page } = await halfway({ htmx })
    assert.not(await isLoggedIn(visitor))
    const wrong = await visitor.send(page, { code: '000000' })
    assert.is(wrong.status, 406)
    assert.match(wrong.messages().join(), 'The code is not correct or has already been used.')
    assert.not(await isLoggedIn(visitor))
    const right = await visitor.send(page, { code: now() })
    if (htmx) assert.match(right.messages().join(), 'You are logged in.')
    else assert.is(right.headers.location, '/')
    assert.ok(await isLoggedIn(visitor))
  })
}

test('a recovery code logs in once', async () => {
  const [code = ''] = anna.codes
  const first = await halfway()
  await first.visitor.send(first.page, { code })
  assert.ok(await isLoggedIn(first.visitor))
  site.clock.advance(1)
  const second = await halfway()
  assert.is((await second.visitor.send(second.page, { code })).status, 406)
  assert.not(await isLoggedIn(second.visitor))
})

test('a code may be typed with spaces, dashes and digits of other scripts', async () => {
  const { visitor, page } = await halfway()
  const code = now()
  const wide = [...code].map((digit) => String.fromCodePoint(0xff10 + Number(digit))).join('')
  await visitor.send(page, { code: ` ${wide.slice(0, 3)}-${wide.slice(3)} ` })
  assert.ok(await isLoggedIn(visitor))
})

for (const [code, status, sentence] of [
  ['', 406, 'Enter the code from your authenticator app.'],
  ['abcdefghijklmnopqrst', 406, 'The code must be the 6 digits'],
  ['1234567', 406, 'The code must be the 6 digits'],
] as const) {
  test(`"${code}" is not a code`, async () => {
    const { visitor, page } = await halfway()
    const response = await visitor.send(page, { code })
    assert.is(response.status, status)
    assert.match(response.fieldError('code'), sentence)
  })
}

test('50 parallel logins with one code create one session', async () => {
  const tries = await Promise.all(Array.from({ length: 50 }, () => halfway()))
  const code = now()
  const responses = await Promise.all(tries.map(({ visitor, page }) => visitor.send(page, { code })))
  assert.is(responses.filter(({ headers }) => headers.location === '/').length, 1)
  const begun = await site.rows("select 1 from sessions where methods like '%app%'")
  assert.is(begun.length, 1)
})

test('a used code, at login or setup, never works again', async () => {
  const code = now()
  const first = await halfway()
  await first.visitor.send(first.page, { code })
  assert.ok(await isLoggedIn(first.visitor))
  for (const seconds of [1, 30, 30]) {
    site.clock.advance(seconds * 1000)
    const { visitor, page } = await halfway()
    for (const old of [code, codeAt(anna.secret, Date.UTC(2026, 0, 1))]) {
      assert.is((await visitor.send(page, { code: old })).status, 406)
    }
    assert.not(await isLoggedIn(visitor))
  }
})

test('a double click logs in to one session', async () => {
  const { visitor, page } = await halfway()
  const fields = filled(page, now())
  const headers = copyOf(visitor)
  const twice = await Promise.all(
    [site.visitor(), site.visitor()].map((one) => one.post('/login/two-step/verify/', fields, headers)),
  )
  assert.equal(
    twice.map(({ status }) => status),
    [303, 303],
  )
  for (const response of twice) assert.ok(response.sessionCookie)
  assert.is((await site.rows("select 1 from sessions where methods like '%app%'")).length, 1)
})

test('a form submitted again logs in for 2 minutes, and extends nothing', async () => {
  const { visitor, page } = await halfway()
  const fields = filled(page, now())
  const headers = copyOf(visitor)
  const send = () => site.visitor().post('/login/two-step/verify/', fields, headers)
  const times =
    'select created_at, authenticated_at, second_at from sessions order by created_at desc limit 1'
  assert.is((await send()).headers.location, '/')
  const begun = await site.rows(times)
  for (const seconds of [60, 60]) {
    site.clock.advance(seconds * 1000)
    assert.is((await send()).headers.location, '/')
    assert.equal(await site.rows(times), begun)
  }
  site.clock.advance(1)
  const late = await send()
  assert.is(late.headers.location, '/login/')
  assert.is(late.sessionCookie, '')
})

test('a refused page shows no code, and submitting the form again cannot make the device trusted', async () => {
  const { visitor, page } = await halfway()
  const wrong = await visitor.send(page, { code: '12345 67890 12345 67890' })
  assert.is(wrong.status, 406)
  assert.not.match(wrong.text, '67890')
  const fields = filled(page, now())
  const headers = copyOf(visitor)
  const send = (body: string) => site.visitor().post('/login/two-step/verify/', body, headers)
  assert.is((await send(fields)).headers.location, '/')
  assert.is((await send(`${fields}&trust=on`)).sessionCookie, '')
})

test('the half login ends after 10 minutes, with another login or with a new stamp', async () => {
  const late = await halfway()
  site.clock.advance(10 * MINUTE)
  const response = await late.visitor.send(late.page, { code: now() })
  assert.is(response.headers.location, '/login/')
  assert.match((await late.visitor.open('/login/')).messages().join(), 'Your login was not finished')

  const overtaken = await halfway()
  const other = await halfway()
  await other.visitor.send(other.page, { code: now() })
  assert.is((await overtaken.visitor.open('/login/two-step/')).headers.location, '/login/')

  site.clock.advance(30_000)
  const changed = await halfway()
  await site.write("update users set device_stamp = 'another' where name = 'Anna'")
  assert.is((await changed.visitor.send(changed.page, { code: now() })).headers.location, '/login/')
})

test('without a half login it leads to the login', async () => {
  assert.is((await site.visitor().open('/login/two-step/')).headers.location, '/login/')
})

test('it keeps next and "Keep me logged in"', async () => {
  const visitor = site.visitor()
  const login = await visitor.open('/login/?next=%2Fmembers%2F')
  await visitor.send(login, { username: 'Anna', password: PASSWORD, keep: 'on' })
  const response = await visitor.send(await visitor.open('/login/two-step/'), { code: now() })
  assert.is(response.headers.location, '/members/')
  assert.match(response.sessionCookie, /expires=/i)
})

test('with the feature off, the password is enough', async () => {
  const off = await Site.start({ database: site.database, features: { 'account/two-step': false } })
  const visitor = off.visitor()
  await visitor.logIn('Anna')
  assert.is((await visitor.open('/account/')).status, 200)
  assert.is((await visitor.open('/login/two-step/')).status, 404)
  await off.close()
})

test('an account disabled between the steps accepts no code', async () => {
  const { visitor, page } = await halfway()
  await site.write('update users set disabled_at = 1')
  for (const code of [now(), anna.codes[0]]) {
    const response = await visitor.send(page, { code })
    assert.is(response.headers.location, '/login/')
    assert.is(response.sessionCookie, '')
  }
  assert.equal(await site.rows('select 1 from recovery_codes where used_at is not null'), [])
})

test.run()
