import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Site } from '../support/helpers.js'

const test = suite('logout')
let site: Site

test.before(async () => {
  site = await Site.start()
})
test.after(() => site.close())

test('opening the page does not log out', async () => {
  const visitor = await site.visitor().settle('Lena')
  const page = await visitor.open('/logout/')
  assert.is(page.status, 200)
  assert.match(page.$('main').text(), 'Lena')
  assert.is(page.$('main form').attr('action'), '/logout/')
  assert.match((await visitor.open('/')).text, 'Log out')
})

for (const htmx of [false, true]) {
  test(`${htmx ? 'htmx' : 'a plain browser'}: the button ends the session and leads home`, async () => {
    const name = `Mona ${htmx}`
    const visitor = await site.visitor({ htmx }).settle(name)
    const page = await visitor.send(await visitor.open('/logout/'))
    assert.is(page.status, htmx ? 200 : 303)
    assert.is(page.headers[htmx ? 'hx-redirect' : 'location'], '/')
    const home = await visitor.open('/')
    assert.equal(home.messages(), ['✔ You are logged out.'])
    assert.match(home.$('nav').text(), 'Log in')
    assert.equal(
      await site.rows('select * from sessions join users on users.id = user_id where name = ?', name),
      [],
    )
    const left = visitor.agent.jar.getCookies({
      domain: '127.0.0.1',
      path: '/',
      secure: false,
      script: false,
    })
    assert.equal(
      left.map(({ name }) => name),
      ['gatehouse-device'],
      'no other cookie is left',
    )
  })
}

test('a copy of the cookie is useless after logout', async () => {
  await site.visitor().signUp('Nora')
  const other = site.visitor()
  const stolen = (await other.logIn('Nora')).sessionCookie.split(';')[0] ?? ''
  assert.match((await site.visitor().open('/', { Cookie: stolen })).text, 'Nora')
  await other.send(await other.open('/logout/'))
  assert.not.match((await site.visitor().open('/', { Cookie: stolen })).text, 'Nora')
})

test('a form with a forged token does not log out', async () => {
  const visitor = await site.visitor().settle('Olga')
  const page = await visitor.send(await visitor.open('/logout/'), { _csrf: 'forged' })
  assert.is(page.status, 403)
  assert.match((await visitor.open('/')).text, 'Olga')
  assert.is((await visitor.send(page)).status, 303, 'the page in the response has a new token')
})

test('logging out in two tabs gives the same response twice', async () => {
  const visitor = await site.visitor().settle('Paula')
  const tab = await visitor.open('/logout/')
  await visitor.send(await visitor.open('/logout/'))
  const page = await visitor.send(tab)
  assert.is(page.status, 303)
  assert.equal((await visitor.open('/')).messages(), ['✔ You are logged out.'])
})

test('a form from another site does not log out, and sets no cookie', async () => {
  await site.visitor().settle('Rita')
  // Browsers send it without the cookie (SameSite=Lax), but would accept one from the response.
  for (const headers of [{ 'Sec-Fetch-Site': 'cross-site' }, { Origin: 'https://evil.example' }]) {
    const page = await site.visitor().post('/logout/', '', headers)
    assert.is(page.status, 403)
    assert.equal(page.cookies, [])
  }
})

test('a visitor who is not logged in is sent to the login, and not back', async () => {
  const page = await site.visitor().open('/logout/')
  assert.is(page.status, 303)
  assert.is(page.headers.location, '/login/')
})

test('after a logout the browser shows nothing about the user', async () => {
  const visitor = site.visitor()
  const email = 'shared-browser@example.com'
  await visitor.signUp('Shared', { email })
  await visitor.send(await visitor.follow(await site.mail(email)))
  await visitor.logIn('Shared')
  await visitor.send(await visitor.open('/password/forgot/'), { username: email })
  await visitor.send(await visitor.open('/logout/'))
  assert.match((await visitor.open('/email/confirm/')).headers.location ?? '', /^\/login\/\?next=/)
  assert.is((await visitor.open('/password/reset/')).headers.location, '/password/forgot/')
  for (const path of ['/', '/login/', '/password/forgot/']) {
    assert.not.match((await visitor.open(path)).text, email, path)
  }
})

for (const htmx of [false, true]) {
  test(`${htmx ? 'htmx' : 'a plain browser'}: the checkbox logs out all other devices, too`, async () => {
    const name = `Petra ${htmx}`
    const other = await site.visitor().settle(name)
    const visitor = site.visitor({ htmx })
    site.clock.advance(1)
    await visitor.logIn(name)
    const page = await visitor.open('/logout/')
    assert.is(page.$('[name="everywhere"]').attr('checked'), undefined, 'off by default')
    assert.is((await visitor.send(page, { everywhere: '1' })).headers[htmx ? 'hx-redirect' : 'location'], '/')
    for (const one of [visitor, other]) assert.match((await one.open('/')).text, 'Log in')
    assert.equal(
      await site.rows('select 1 from sessions join users on users.id = user_id where name = ?', name),
      [],
    )
    const events = await site.rows<{ kind: string; actor: string }>(
      'select kind, actor from events join users on users.id = user_id where name = ? order by events.id desc limit 2',
      name,
    )
    assert.equal(
      events.map(({ kind, actor }) => [kind, actor]),
      [
        ['logged_out', 'self'],
        ['devices_revoked', 'self'],
      ],
    )
  })
}

test('without the checkbox the other devices stay logged in', async () => {
  const other = await site.visitor().settle('Rosa')
  const visitor = site.visitor()
  site.clock.advance(1)
  await visitor.logIn('Rosa')
  await visitor.send(await visitor.open('/logout/'))
  assert.match((await other.open('/')).text, 'Log out')
})

test.run()
