import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { SessionsTable } from '../../src/tables/sessions.js'
import { rows } from '../support/databases.js'
import { CHEAP, Clock, PASSWORD, Site, until } from '../support/helpers.js'

const test = suite('login')
let site: Site

test.before(async () => {
  site = await Site.start()
  await site.visitor().signUp('Hilda', { email: 'Hilda@Example.com' })
})
test.after(() => site.close())

const DAY = 24 * 60 * 60 * 1000

function sessionsOf(name: string, { database } = site): Promise<SessionsTable[]> {
  return rows<SessionsTable>(
    database,
    'select sessions.* from sessions join users on users.id = user_id where name = ?',
    name,
  )
}

function isLoggedIn(text: string): boolean {
  return text.includes('Log out')
}

for (const htmx of [false, true]) {
  const kind = htmx ? 'htmx' : 'a plain browser'

  test(`${kind}: every error has its own message`, async () => {
    const visitor = site.visitor({ htmx })
    const cases: [string, string, string[]][] = [
      ['', '', ['⚠ Enter your username or email address.', '⚠ Enter your password.']],
      ['Hilda', '', ['⚠ Enter your password.']],
      ['Nobody', PASSWORD, ['⚠ There is no account with this username. Check the spelling.']],
      ['Hilda', 'wrong password', ['⚠ The password is not correct. Try again.']],
      ['nobody@example.com', PASSWORD, ['⚠ The email address or password is not correct. Try again.']],
      ['hilda@example.com', 'wrong password', ['⚠ The email address or password is not correct. Try again.']],
    ]
    for (const [username, password, messages] of cases) {
      const page = await visitor.logIn(username, { password })
      assert.is(page.status, 406)
      assert.equal(page.messages(), messages)
      assert.is(page.isWhole, !htmx)
      assert.is(page.value('username'), username || undefined)
      assert.is(page.value('password'), undefined)
    }
    assert.not.ok(isLoggedIn((await visitor.open('/')).text))
  })

  test(`${kind}: the right password logs in and leads home`, async () => {
    for (const username of ['Hilda', ' hilda ', 'HILDA', 'hilda@example.com', 'Hilda@Example.com']) {
      const visitor = site.visitor({ htmx })
      const page = await visitor.logIn(username)
      assert.is(page.status, htmx ? 200 : 303)
      if (htmx) assert.is(page.onward, '/')
      else assert.is(page.headers.location, '/')
      const home = await visitor.open('/')
      assert.equal((htmx ? page : home).messages(), ['✔ You are logged in.'])
      assert.match(home.$('main').text(), 'Hilda@Example.com')
      assert.is(home.$('main a[href="/users/hilda/"]').length, 1)
      assert.ok(isLoggedIn(home.$('nav').text()))
      assert.not.match(home.$('nav').text(), 'Log in')
    }
  })

  test(`${kind}: a login redirects to next, if that is a page of the site`, async () => {
    const places: [string, string][] = [
      ['/users/hilda/?a=b', '/users/hilda/?a=b'],
      ['//evil.example', '/'],
      ['https://evil.example/', '/'],
      ['/\\evil.example', '/'],
      ['/%2f/evil.example', '/'],
      ['/logout/', '/'],
      ['/signup/verify/', '/'],
    ]
    for (const [next, arrival] of places) {
      const visitor = site.visitor({ htmx })
      const form = await visitor.open(`/login/?${new URLSearchParams({ next })}`)
      const page = await visitor.send(form, { username: 'Hilda', password: PASSWORD })
      assert.is(htmx ? page.onward : page.headers.location, arrival)

      const forger = site.visitor({ htmx })
      const forged = await forger.send(await forger.open('/login/'), {
        username: 'Hilda',
        password: PASSWORD,
        next,
      })
      assert.is(htmx ? forged.onward : forged.headers.location, arrival)
    }
  })
}

test('the page in next survives a wrong password', async () => {
  const visitor = site.visitor()
  const form = await visitor.open('/login/?next=/users/hilda/')
  const refused = await visitor.send(form, { username: 'Hilda', password: 'mistyped', keep: 'on' })
  assert.is(refused.value('next'), '/users/hilda/')
  assert.is(refused.$('[name=keep]').attr('checked'), 'checked')
  const page = await visitor.send(refused, { password: PASSWORD })
  assert.is(page.headers.location, '/users/hilda/')
})

test('the session is stored by its token’s hash, with device, IP address and times', async () => {
  const visitor = site.visitor()
  visitor.agent.set('User-Agent', 'Mozilla/5.0 (Test)')
  await visitor.signUp('Dora')
  await visitor.logIn('Dora')
  const [row] = await sessionsOf('Dora')
  assert.is(row?.kept, 0)
  assert.is(row?.user_agent, 'Mozilla/5.0 (Test)')
  assert.match(row?.address ?? '', /^(::ffff:)?127\.0\.0\.1$/)
  assert.match(row?.token_hash ?? '', /^[\w-]{43}$/)
  assert.is(row?.created_at, site.clock.now())
  assert.is(row?.authenticated_at, site.clock.now())
  assert.is(row?.expires_at, site.clock.now() + DAY)
})

test('the cookie ends with the browser, unless you stay logged in', async () => {
  await site.visitor().signUp('Stella')
  const leaving = await site.visitor().logIn('Hilda')
  assert.match(leaving.sessionCookie, /^gatehouse=[\w-]+; path=\/; samesite=lax; httponly$/)
  const staying = await site.visitor().logIn('Stella', { keep: 'on' })
  assert.match(staying.sessionCookie, /expires=/)
  const [row] = await sessionsOf('Stella')
  assert.is(row?.kept, 1)
  assert.is(row?.expires_at, site.clock.now() + 30 * DAY)
})

test('a session ends after a day without use', async () => {
  const own = await Site.start()
  const visitor = await own.visitor().settle('Ida')
  for (const _ of [1, 2, 3]) {
    own.clock.advance(DAY - 1)
    assert.ok(isLoggedIn((await visitor.open('/')).text))
    await own.useStored('Ida')
  }
  own.clock.advance(DAY)
  assert.not.ok(isLoggedIn((await visitor.open('/')).text))
  await own.close()
})

test('a kept session ends after 90 days, however often it is used', async () => {
  const own = await Site.start()
  await own.visitor().signUp('Kept')
  const visitor = own.visitor()
  await visitor.logIn('Kept', { keep: 'on' })
  for (const _ of [1, 2, 3]) {
    own.clock.advance(29 * DAY)
    assert.ok(isLoggedIn((await visitor.open('/')).text))
    await own.useStored('Kept')
  }
  own.clock.advance(3 * DAY)
  assert.not.ok(isLoggedIn((await visitor.open('/')).text))
  await own.close()
})

test('ended sessions are deleted soon after a start', async () => {
  const old = await Site.start()
  await old.visitor().settle('Gone')
  const { database } = old
  await old.close()
  const later = new Clock()
  later.advance(2 * DAY)
  const next = await Site.start({ database, now: later.now })
  await until(async () => (await next.rows('select * from sessions')).length === 0)
  assert.equal(await next.rows('select * from sessions'), [])
  await next.close()
})

test('the last use is stored once a minute at most', async () => {
  const own = await Site.start()
  const visitor = await own.visitor().settle('Seen')
  const seen = async () => (await sessionsOf('Seen', own))[0]?.last_seen_at
  const start = await seen()
  own.clock.advance(59_000)
  await visitor.open('/')
  assert.is(await seen(), start)
  own.clock.advance(1_000)
  await visitor.open('/')
  await own.useStored('Seen')
  await own.close()
})

test('a login creates a new token and ends the browser’s previous session', async () => {
  const visitor = await site.visitor().settle('Josef')
  const tokens = async () => (await sessionsOf('Josef')).map(({ token_hash }) => token_hash)
  const before = await tokens()
  assert.is(before.length, 1)
  const other = site.visitor({ htmx: true })
  const form = await other.open('/login/')
  const first = await other.send(form, { username: 'Josef', password: PASSWORD })
  const between = await tokens()
  const again = { username: 'Josef', password: PASSWORD, _csrf: first.value('_csrf') }
  assert.is((await other.send(form, again)).status, 200)
  const after = await tokens()
  assert.is(after.length, 2, 'a browser’s second login replaces its first')
  assert.equal(
    after.filter((token) => between.includes(token)),
    before,
  )
  assert.ok(isLoggedIn((await visitor.open('/')).text))
})

test('a double click creates one session', async () => {
  await site.visitor().signUp('Twin')
  const visitor = site.visitor()
  const form = await visitor.open('/login/')
  const typed = { username: 'Twin', password: PASSWORD }
  const responses = await Promise.all([visitor.send(form, typed), visitor.send(form, typed)])
  assert.equal(
    responses.map(({ status }) => status),
    [303, 303],
  )
  assert.is((await sessionsOf('Twin')).length, 1)
})

for (const kept of ['first', 'last']) {
  test(`a double click keeps the browser logged in with the ${kept} response`, async () => {
    const name = `Twin ${kept}`
    await site.visitor().signUp(name)
    const visitor = site.visitor()
    const form = await visitor.open('/login/')
    const Cookie = form.cookieHeader
    const typed = new URLSearchParams(form.$('main form').first().serialize())
    typed.set('username', name)
    typed.set('password', PASSWORD)
    // The browser does not wait for this response.
    const ignored = () => site.visitor().post('/login/verify/', `${typed}`, { Cookie })
    const waited = () => visitor.send(form, { username: name, password: PASSWORD })
    for (const press of kept === 'first' ? [waited, ignored] : [ignored, waited]) {
      assert.is((await press()).status, 303)
    }
    assert.is((await visitor.open('/account/')).status, 200)
    assert.is((await sessionsOf(name)).length, 1)
  })
}

test('a hash with other costs is replaced at login', async () => {
  const old = await Site.start()
  await old.visitor().signUp('Veteran')
  const { database } = old
  await old.close()
  const site = await Site.start({ database, passwordCosts: { ...CHEAP, timeCost: 2 } })
  await site.visitor().logIn('Veteran')
  const [user] = await site.rows<{ password_hash: string }>('select password_hash from users')
  assert.match(user?.password_hash ?? '', '$m=64,t=2,p=1$')
  assert.is((await site.visitor().logIn('Veteran')).status, 303)
  await site.close()
})

test('a logged-in user is sent home, or to the page in next', async () => {
  const visitor = await site.visitor().settle('Karl')
  assert.is((await visitor.open('/login/')).headers.location, '/')
  assert.is((await visitor.open('/login/?next=/users/karl/')).headers.location, '/users/karl/')
  assert.is((await visitor.open('/login/?next=//evil.example')).headers.location, '/')
})

test('the log never contains typed usernames or passwords', async () => {
  await site.visitor().logIn('a name nobody has', { password: 'a secret nobody has' })
  await site.visitor().logIn('nobody-at-all@example.com', { password: 'a secret nobody has' })
  const logs = site.logs.join('')
  for (const word of ['nobody has', 'nobody-at-all', 'Hilda', 'hilda@', PASSWORD, 'gatehouse=']) {
    assert.not.match(logs, word)
  }
  assert.match(logs, '"route":"/login/verify/"')
})

test('an email address with a full-width @ reveals no account either', async () => {
  await site.visitor().signUp('Wide', { email: 'wide@example.com' })
  const responses = []
  for (const username of ['wide＠example.com', 'none＠example.com']) {
    responses.push((await site.visitor().logIn(username, { password: 'wrong' })).messages())
  }
  assert.equal(responses, [
    ['⚠ The email address or password is not correct. Try again.'],
    ['⚠ The email address or password is not correct. Try again.'],
  ])
})

test('a login during a password change does not outlive the change', async () => {
  const racing = await Site.start({ environment: { RATE_LIMITS: 'off' } })
  for (let round = 0; round < 5; round++) {
    const name = `Racer ${round}`
    const owner = await racing.visitor().settle(name)
    const page = await owner.open('/account/password/')
    const strangers = Array.from({ length: 6 }, () => racing.visitor())
    const forms = await Promise.all(strangers.map((stranger) => stranger.open('/login/')))
    const change = { current: PASSWORD, password: 'another horse 43', repassword: 'another horse 43' }
    const logins = strangers.map((stranger, index) => {
      const form = forms[index]
      assert.ok(form)
      return stranger.send(form, { username: name, password: PASSWORD })
    })
    const [changed] = await Promise.all([owner.send(page, change), ...logins])
    assert.is(changed?.status, 303)
    for (const stranger of strangers) {
      assert.is((await stranger.open('/account/')).status, 303, 'logged out, or never logged in')
    }
  }
  await racing.close()
})

test('a generic error does not say whether the username or the password is wrong', async () => {
  const own = await Site.start({ environment: { LOGIN_ERRORS: 'generic' } })
  await own.visitor().signUp('Hilda')
  for (const username of ['Hilda', 'Nobody', 'hilda@example.com', 'nobody@example.com']) {
    const page = await own.visitor().logIn(username, { password: 'wrong password' })
    assert.equal(page.messages(), ['⚠ The username, email address or password is not correct. Try again.'])
    assert.is(page.fieldError('username'), '')
  }
  await own.close()
})

test.run()
