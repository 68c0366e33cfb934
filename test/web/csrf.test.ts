import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { PASSWORD, Site } from '../support/helpers.js'

const test = suite('csrf')
let site: Site

test.before(async () => {
  // Sending emails needs a BASE_URL. Without one, the Host header says which site this is.
  site = await Site.start({ mail: 'caught' })
  await site.visitor().signUp('Petra')
})
test.after(() => site.close())

const TOO_OLD = [
  '⚠ This page was open for too long, or something changed in another tab. Nothing is lost: press the button again.',
]
const COOKIE_MISSING = [
  '⚠ Your browser did not send the cookie that this site needs. This page may have been open for too long, or cookies are blocked. Nothing is lost: press the button again. If you see this message again, allow cookies for this site.',
]
const LOGIN = { username: 'Petra', password: PASSWORD }

for (const htmx of [false, true]) {
  const kind = htmx ? 'htmx' : 'a plain browser'

  test(`${kind}: an expired page keeps what was typed, and pressing again works`, async () => {
    const visitor = site.visitor({ htmx })
    const form = await visitor.open('/login/')
    for (const _csrf of ['', 'x', undefined, 'A'.repeat(43), form.value('_csrf')?.slice(1)]) {
      const page = await visitor.send(form, { ...LOGIN, _csrf })
      assert.is(page.status, 403)
      assert.equal(page.messages(), TOO_OLD)
      assert.is(page.isWhole, !htmx)
      assert.is(page.value('username'), 'Petra')
      const again = await visitor.send(form, { ...LOGIN, _csrf: page.value('_csrf') })
      assert.is(again.status, htmx ? 200 : 303)
      await visitor.send(await visitor.open('/logout/'))
      Object.assign(form, await visitor.open('/login/'))
    }
  })

  test(`${kind}: another visitor’s token is refused, and the response has a new one`, async () => {
    const form = await site.visitor().open('/login/')
    const stranger = site.visitor({ htmx })
    await stranger.open('/login/')
    const page = await stranger.send(form, LOGIN)
    assert.is(page.status, 403)
    assert.equal(page.messages(), TOO_OLD)
    assert.is((await stranger.send(form, { ...LOGIN, _csrf: page.value('_csrf') })).status, htmx ? 200 : 303)
  })

  test(`${kind}: a form without its cookie is refused, and works with the cookie`, async () => {
    const visitor = site.visitor({ htmx })
    let form = await site.visitor().open('/login/')
    for (const press of ['once', 'twice']) {
      const page = await site.visitor({ htmx }).send(form, LOGIN)
      assert.is(page.status, 403, press)
      assert.equal(page.messages(), COOKIE_MISSING, press)
      assert.is(page.isWhole, !htmx)
      assert.is(page.value('username'), 'Petra')
      assert.match(page.headers['cache-control'] ?? '', 'no-store')
      if (!htmx) form = page
    }
    const page = await visitor.send(form, LOGIN)
    assert.equal(page.messages(), COOKIE_MISSING)
    assert.is((await visitor.send(form, { ...LOGIN, _csrf: page.value('_csrf') })).status, htmx ? 200 : 303)
  })
}

test('a form opened before the login has expired', async () => {
  const visitor = site.visitor()
  const before = await visitor.open('/signup/')
  await visitor.logIn('Petra')
  assert.equal((await visitor.send(before)).messages(), TOO_OLD)
})

test('each page masks its token differently, and all have the same length', async () => {
  const visitor = site.visitor()
  const tokens = [await visitor.open('/login/'), await visitor.open('/login/')].map(
    (page) => page.value('_csrf') ?? '',
  )
  assert.is.not(tokens[0], tokens[1])
  assert.is(tokens[0]?.length, tokens[1]?.length)
})

for (const [what, origin, host, status] of [
  ['the port of http', 'http://example.com', 'example.com:80', 303],
  ['the port of https', 'https://example.com', 'example.com:443', 303],
  ['no port', 'https://example.com', 'example.com', 303],
  ['capitals', 'http://example.com', 'EXAMPLE.com', 303],
  ['a dot at its end', 'http://example.com', 'example.com.', 303],
  ['a dot and a port', 'http://example.com.', 'example.com:80', 303],
  ['IPv6 and the port of http', 'http://[::1]', '[0:0:0:0:0:0:0:1]:80', 303],
  ['another port', 'http://example.com', 'example.com:8080', 403],
  ['another name', 'http://example.com', 'backend.internal:3000', 403],
  ['a name that begins alike', 'http://example.com', 'example.com.evil.example', 403],
  ['a user before the name', 'http://example.com', 'x@example.com', 403],
  ['nothing', 'null', 'null', 403],
] as const) {
  test(`a Host header with ${what}: ${origin} to ${host} is ${status}`, async () => {
    const visitor = site.visitor()
    const form = await visitor.open('/login/')
    const body = new URLSearchParams({ ...LOGIN, _csrf: form.value('_csrf') ?? '' }).toString()
    assert.is((await visitor.post('/login/verify/', body, { Origin: origin, Host: host })).status, status)
  })
}

test('a refused Origin is logged once for each Host, and 10 times at most', async () => {
  const own = await Site.start()
  const send = async (Origin: string) => {
    const visitor = own.visitor()
    const form = await visitor.open('/login/')
    const body = new URLSearchParams({ ...LOGIN, _csrf: form.value('_csrf') ?? '' }).toString()
    assert.is((await visitor.post('/login/verify/', body, { Origin, Host: 'backend:3000' })).status, 403)
  }
  const said = () => own.logs.map((line) => JSON.parse(line)).filter(({ level }) => level === 40)
  for (let press = 0; press < 3; press++) await send('http://example.com')
  assert.equal(
    said().map(({ origin, host }) => [origin, host]),
    [['http://example.com', 'backend:3000']],
  )
  assert.match(said()[0]?.msg, /set BASE_URL/)
  for (let port = 1; port <= 20; port++) await send(`http://example.com:${port}`)
  assert.is(said().length, 10)
  await own.close()
})

test('with BASE_URL, its default port and capitals make no difference', async () => {
  const own = await Site.start({ environment: { BASE_URL: 'http://example.com' } })
  for (const [Origin, status] of [
    ['http://example.com:80', 406],
    ['http://EXAMPLE.com', 406],
    ['https://example.com', 403],
    ['http://example.com:8080', 403],
  ] as const) {
    const visitor = own.visitor()
    const form = await visitor.open('/login/')
    const body = new URLSearchParams({ ...LOGIN, _csrf: form.value('_csrf') ?? '' }).toString()
    assert.is(
      (await visitor.post('/login/verify/', body, { Origin, Host: 'backend' })).status,
      status,
      Origin,
    )
  }
  await own.close()
})

test('a form from another site is refused with a page without the form', async () => {
  const visitor = site.visitor()
  const form = await visitor.open('/login/')
  const body = new URLSearchParams({ ...LOGIN, _csrf: form.value('_csrf') ?? '' }).toString()
  const host = new URL(site.address).host
  const cases: [Record<string, string>, number][] = [
    [{ 'Sec-Fetch-Site': 'cross-site' }, 403],
    [{ 'Sec-Fetch-Site': 'same-site' }, 403],
    [{ 'Sec-Fetch-Site': 'cross-site', Origin: site.address }, 403],
    [{ Origin: 'https://evil.example' }, 403],
    [{ Origin: 'null' }, 403],
    [{ Origin: `http://${host}.evil.example` }, 403],
    [{ Origin: 'not an origin' }, 403],
    [{ Origin: site.address }, 303],
    [{ 'Sec-Fetch-Site': 'none' }, 303],
    [{ 'Sec-Fetch-Site': 'same-origin', Origin: 'null' }, 303],
    [{}, 303],
  ]
  for (const [headers, status] of cases) {
    const fresh = site.visitor()
    const own = await fresh.open('/login/')
    const sent = new URLSearchParams({ ...LOGIN, _csrf: own.value('_csrf') ?? '' }).toString()
    const page = await fresh.post('/login/verify/', sent, headers)
    assert.is(page.status, status, JSON.stringify(headers))
    if (status === 403) {
      assert.match(page.messages().join(), 'another site')
      assert.is(page.$('main form').length, 0, 'a page without the form')
      assert.is(page.$('main a[href="/login/"]').length, 1)
    }
  }
  assert.is((await visitor.post('/login/verify/', body)).status, 303)
})

test('with BASE_URL, only its origin is accepted', async () => {
  const fixed = await Site.start({ environment: { BASE_URL: 'http://accounts.example' } })
  const visitor = fixed.visitor()
  const form = await visitor.open('/login/')
  const body = new URLSearchParams({ _csrf: form.value('_csrf') ?? '' }).toString()
  assert.is((await visitor.post('/login/verify/', body, { Origin: fixed.address })).status, 403)
  assert.is((await visitor.post('/login/verify/', body, { Origin: 'http://accounts.example' })).status, 406)
  await fixed.close()
})

test.run()
