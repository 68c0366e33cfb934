import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Site } from '../support/helpers.js'

const test = suite('/onward/')

let site: Site
test.before(async () => {
  site = await Site.start({ places: { home: '/start' } })
})
test.after(() => site.close())

const HTMX = { 'HX-Request': 'true', 'Sec-Fetch-Site': 'same-origin' }

for (const [to, arrival] of [
  ['/orders?page=2', '/orders?page=2'],
  ['/', '/'],
  ['//evil.example', '/start'],
  ['https://evil.example/', '/start'],
  ['/\\evil.example', '/start'],
  ['/%2f/evil.example', '/start'],
  ['/logout/', '/start'],
  ['', '/start'],
] as const) {
  test(`htmx asks for ${to || 'nothing'} and loads ${arrival} as a whole page`, async () => {
    const page = await site.visitor().open(`/onward/?${new URLSearchParams({ to })}`, HTMX)
    assert.is(page.status, 200)
    assert.is(page.headers['hx-redirect'], arrival)
    assert.is(page.text, '')
    assert.match(page.headers['cache-control'] ?? '', 'no-store')
  })
}

test('a repeated parameter redirects home', async () => {
  const page = await site.visitor().open('/onward/?to=/one&to=/two', HTMX)
  assert.is(page.headers['hx-redirect'], '/start')
})

test('without htmx it redirects to the path', async () => {
  const page = await site.visitor().open('/onward/?to=/orders', { 'Sec-Fetch-Site': 'same-origin' })
  assert.is(page.status, 303)
  assert.is(page.headers.location, '/orders')
})

test('a request from another site redirects home', async () => {
  for (const from of ['cross-site', 'same-site']) {
    const page = await site.visitor().open('/onward/?to=/orders', { 'Sec-Fetch-Site': from })
    assert.is(page.headers.location, '/start', from)
  }
  const old = await site.visitor().open('/onward/?to=/orders', { Origin: 'https://evil.example' })
  assert.is(old.headers.location, '/start')
})

test.run()
