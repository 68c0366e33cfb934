import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Site } from '../support/helpers.js'

const test = suite('logout')
let site: Site

test.before(async () => {
  site = await Site.start()
})
test.after(() => site.close())

test('a page asks first, and opening it ends nothing', async () => {
  const visitor = await site.visitor().settle('Lena')
  const page = await visitor.open('/logout/')
  assert.is(page.status, 200)
  assert.match(page.$('main').text(), 'Lena')
  assert.is(page.$('main form').attr('action'), '/logout/')
  assert.match((await visitor.open('/')).text, 'Log out')
})

for (const htmx of [false, true]) {
  test(`${htmx ? 'htmx' : 'a plain browser'}: the button ends the session and leads home, which says so once`, async () => {
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
      'nothing else is left to remember',
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

test('without the token of its page nothing is ended', async () => {
  const visitor = await site.visitor().settle('Olga')
  const page = await visitor.send(await visitor.open('/logout/'), { _csrf: 'forged' })
  assert.is(page.status, 403)
  assert.match((await visitor.open('/')).text, 'Olga')
  assert.is((await visitor.send(page)).status, 303, 'the page that comes back has a fresh one')
})

test('the button of another tab, after the logout, is answered the same', async () => {
  const visitor = await site.visitor().settle('Paula')
  const tab = await visitor.open('/logout/')
  await visitor.send(await visitor.open('/logout/'))
  const page = await visitor.send(tab)
  assert.is(page.status, 303)
  assert.equal((await visitor.open('/')).messages(), ['✔ You are logged out.'])
})

test('a form on another site ends nothing: its answer sets no cookie in place of the visitor’s own', async () => {
  await site.visitor().settle('Rita')
  // Browsers send it without the cookie (SameSite=Lax), but would take one from the answer.
  for (const headers of [{ 'Sec-Fetch-Site': 'cross-site' }, { Origin: 'https://evil.example' }]) {
    const page = await site.visitor().post('/logout/', '', headers)
    assert.is(page.status, 403)
    assert.equal(page.cookies, [])
  }
})

test('a visitor who is not logged in is asked to log in, and does not come back here', async () => {
  const page = await site.visitor().open('/logout/')
  assert.is(page.status, 303)
  assert.is(page.headers.location, '/login/')
})

test('nothing of who has logged out is shown to the next one at the same browser', async () => {
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

test.run()
