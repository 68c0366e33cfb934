import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Page, Site } from '../support/helpers.js'

const test = suite('cookie')
let site: Site

test.before(async () => {
  site = await Site.start()
})
test.after(() => site.close())

function encryptedIn(page: Page): string {
  return page.sessionCookie.split(';')[0]?.split('=')[1] ?? ''
}

test('a visitor who only reads gets no cookie', async () => {
  const visitor = site.visitor()
  for (const path of ['/', '/users/nobody/', '/nowhere/', '/login', '/signup/verify/', '/healthz']) {
    assert.equal((await visitor.open(path)).cookies, [], path)
  }
})

test('a response that caches may keep sets no cookie', async () => {
  const home = await site.visitor().open('/')
  for (const path of [home.$('script').attr('src') ?? '', '/favicon.ico']) {
    const page = await site.visitor().open(path, { Cookie: 'gatehouse=garbage' })
    assert.is(page.status, 200)
    assert.equal(page.cookies, [])
  }
})

test('a logged-in visitor who only reads gets no new cookie', async () => {
  const visitor = await site.visitor().settle('Quinn')
  await visitor.open('/')
  assert.equal((await visitor.open('/')).cookies, [])
})

test('a cookie with one flipped bit means logged out, and never an error', async () => {
  await site.visitor().signUp('Rosa')
  const cookie = encryptedIn(await site.visitor().logIn('Rosa'))
  assert.match((await site.visitor().open('/', { Cookie: `gatehouse=${cookie}` })).text, 'Rosa')
  for (let at = 0; at < cookie.length; at++) {
    const flipped = String.fromCharCode(cookie.charCodeAt(at) ^ (1 << (at % 7)))
    const changed = cookie.slice(0, at) + flipped + cookie.slice(at + 1)
    const page = await site
      .visitor()
      .open('/', { Cookie: `gatehouse=${changed.replaceAll(/\p{Cc}/gu, '!')}` })
    assert.is(page.status, 200)
    assert.not.match(page.text, 'Rosa', `changed at ${at}`)
  }
})

test('a malformed cookie means logged out, and never an error', async () => {
  for (const value of ['', 'x', '%', 'a'.repeat(12_000), 'e30=', '{}', '"quoted"']) {
    const page = await site.visitor().open('/login/', { Cookie: `gatehouse=${value}` })
    assert.is(page.status, 200, value.slice(0, 10))
  }
})

test('an https BASE_URL sets Secure, __Host- and HSTS, even behind plain HTTP', async () => {
  const https = await Site.start({ environment: { BASE_URL: 'https://accounts.example' } })
  const page = await https.visitor().open('/login/')
  assert.match(page.cookies.join(), /^__Host-gatehouse-csrf=[\w-]+; path=\/; samesite=lax; secure; httponly$/)
  assert.is(page.headers['strict-transport-security'], 'max-age=63072000')
  await https.close()
  assert.is((await site.visitor().open('/login/')).headers['strict-transport-security'], undefined)
})

test('an old key still decrypts the cookie, and a removed key does not', async () => {
  const [one, two] = ['A'.repeat(43), `${'B'.repeat(42)}A`]
  const first = await Site.start({ environment: { SESSION_KEYS: one } })
  await first.visitor().signUp('Sara')
  const cookie = `gatehouse=${encryptedIn(await first.visitor().logIn('Sara'))}`
  await first.close()
  for (const [keys, open] of [
    [`${two}, ${one}`, true],
    [two, false],
  ] as const) {
    const next = await Site.start({ database: first.database, environment: { SESSION_KEYS: keys } })
    assert.is((await next.visitor().open('/', { Cookie: cookie })).text.includes('Sara'), open)
    await next.close()
  }
})

test.run()
