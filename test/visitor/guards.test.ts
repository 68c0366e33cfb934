import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { DAY, MINUTE } from '../../src/base/durations.js'
import { PASSWORD, type Page, Site, type Visitor } from '../support/helpers.js'

const test = suite('guards')
let site: Site

test.before(async () => {
  site = await Site.start()
})
test.after(() => site.close())

const GUARDED = '/members/recent/'
const LOGGED_OUT = ['⚠ You are logged out. Log in, then send this again if it is still needed. Log in']

test('a page for users redirects to the login, and the login redirects back', async () => {
  await site.visitor().signUp('Wanderer')
  const visitor = site.visitor()
  const refused = await visitor.open('/members/?a=b')
  assert.is(refused.headers.location, '/login/?next=%2Fmembers%2F%3Fa%3Db')
  const login = await visitor.open(refused.headers.location ?? '')
  const page = await visitor.send(login, { username: 'Wanderer', password: PASSWORD })
  assert.is(page.headers.location, '/members/?a=b')
  assert.is((await visitor.open('/members/?a=b')).status, 200)
})

test('htmx loads the login as a whole page', async () => {
  const page = await site.visitor().open('/members/', { 'HX-Request': 'true' })
  assert.is(page.status, 200)
  assert.is(page.headers['hx-redirect'], '/login/?next=%2Fmembers%2F')
})

test('after the login a fragment of the app leads to the page that asked for it', async () => {
  const nextOf = async (headers: Record<string, string>, path = '/members/?part=1') => {
    const page = await site.visitor().open(path, headers)
    const to = page.headers['hx-redirect'] ?? page.headers.location ?? ''
    return new URLSearchParams(to.split('?')[1]).get('next')
  }
  const Referer = `${site.address}/shop/?page=2`
  assert.is(await nextOf({ 'HX-Request': 'true', Referer }), '/shop/?page=2')
  assert.is(await nextOf({ 'HX-Request': 'true', 'HX-Boosted': 'true', Referer }), '/members/?part=1')
  assert.is(await nextOf({ Referer }), '/members/?part=1')
  for (const other of ['https://evil.example/', 'nonsense', `${site.address}//evil.example/`])
    assert.is(await nextOf({ 'HX-Request': 'true', Referer: other }), '/members/?part=1', other)
})

for (const htmx of [false, true]) {
  const kind = htmx ? 'htmx' : 'a plain browser'

  test(`${kind}: after a logout elsewhere a form comes back after the login`, async () => {
    const visitor = await site.visitor({ htmx }).settle(`Tabs ${htmx}`)
    const page = await visitor.open(GUARDED)
    await visitor.send(await visitor.open('/logout/'))
    const refused = await visitor.send(page, { note: 'not lost' })
    assert.is(refused.status, 403)
    assert.equal(refused.messages(), LOGGED_OUT)
    assert.is(refused.isWhole, !htmx)
    assert.is(refused.value('note'), 'not lost')
    const link = refused.$('.error a').attr('href') ?? ''
    assert.is(link, '/login/?next=%2Fmembers%2Frecent%2F')

    const login = await visitor.send(await visitor.open(link), {
      username: `Tabs ${htmx}`,
      password: PASSWORD,
    })
    assert.is(htmx ? login.onward : login.headers.location, GUARDED)
    await visitor.open(GUARDED, { 'HX-Request': 'true' })
    const back = await visitor.open(GUARDED)
    assert.match(back.messages().join(), 'Here is what you typed')
    assert.is(back.value('note'), 'not lost')
    assert.is((await visitor.open(GUARDED)).value('note'), undefined, 'once')
    assert.is((await visitor.send(back)).status, htmx ? 200 : 303)
    assert.is((await visitor.open(GUARDED)).value('note'), 'not lost')
  })
}

test('a form does not come back after 10 minutes or a logout', async () => {
  const late = await sentLoggedOut('Late')
  site.clock.advance(10 * MINUTE)
  await late.logIn('Late')
  assert.is((await late.open(GUARDED)).value('note'), undefined)

  const left = await sentLoggedOut('Left')
  await left.logIn('Left')
  await left.send(await left.open('/logout/'))
  await left.logIn('Left')
  assert.is((await left.open(GUARDED)).value('note'), undefined)
})

async function sentLoggedOut(name: string): Promise<Visitor> {
  const visitor = await site.visitor().settle(name)
  const page = await visitor.open(GUARDED)
  await visitor.send(await visitor.open('/logout/'))
  assert.is((await visitor.send(page, { note: 'typed' })).status, 403)
  return visitor
}

test('a form does not come back for another user of the same browser', async () => {
  await site.visitor().signUp('Mallory')
  const visitor = await sentLoggedOut('Anna')
  await visitor.logIn('Mallory')
  assert.is((await visitor.open(GUARDED)).value('note'), undefined)

  const own = await sentLoggedOut('Bela')
  await own.logIn('Bela')
  assert.is((await own.open(GUARDED)).value('note'), 'typed')
})

test('input that is too long for a cookie stays on the page', async () => {
  const visitor = await site.visitor().settle('Novelist')
  const page = await visitor.open(GUARDED)
  await visitor.send(await visitor.open('/logout/'))
  const note = Array.from({ length: 3000 }, (_, index) => ((index * 7919) % 9973).toString(36)).join('')
  const refused = await visitor.send(page, { note })
  assert.is(refused.status, 403)
  assert.is(refused.value('note'), note)
  for (const cookie of refused.cookies) assert.ok(cookie.length < 4000)
})

test('a full session cookie drops what is not needed, and the login works', async () => {
  const visitor = await site.visitor().settle('Hoarder')
  const note = String.fromCharCode(1).repeat(200)
  await visitor.send(await visitor.open(GUARDED), { note })
  await site.write('delete from sessions')
  const typed = Array.from({ length: 300 }, (_, index) => ((index * 7919) % 9973).toString(36)).join('')
  await visitor.post('/members/recent/verify/', new URLSearchParams({ note: typed }).toString())
  assert.is(
    (await visitor.send(await visitor.open('/login/'), { username: 'Hoarder', password: PASSWORD })).status,
    303,
  )
  assert.is((await visitor.open(GUARDED)).status, 200)
})

test('a form from another site is refused and sets no cookie', async () => {
  const page = await site.visitor().post(`${GUARDED}verify/`, 'note=evil', { Origin: 'https://evil.example' })
  assert.is(page.status, 403)
  assert.match(page.messages().join(), 'another site')
  assert.not.match(page.text, 'evil')
  assert.equal(page.cookies, [])
})

test('a login page left open overnight still logs in', async () => {
  const own = await Site.start()
  await own.visitor().signUp('Sleeper')
  const visitor = own.visitor()
  const evening = await visitor.open('/login/')
  own.clock.advance(DAY)
  assert.is((await visitor.send(evening, { username: 'Sleeper', password: PASSWORD })).status, 303)

  const other = own.visitor()
  const page = await other.open('/login/')
  other.agent.jar.setCookie(
    'gatehouse-csrf=; path=/; expires=Thu, 01 Jan 1970 00:00:00 GMT',
    '127.0.0.1',
    '/',
  )
  const tooOld: Page = await other.send(page, { username: 'Sleeper', password: PASSWORD })
  assert.is(tooOld.status, 403)
  assert.is((await other.send(tooOld, { password: PASSWORD })).status, 303)
  await own.close()
})

test.run()
