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
  test(`htmx that asks for ${to || 'nothing'} opens ${arrival} as a page`, async () => {
    const page = await site.visitor().open(`/onward/?${new URLSearchParams({ to })}`, HTMX)
    assert.is(page.status, 200)
    assert.is(page.headers['hx-redirect'], arrival)
    assert.is(page.text, '')
    assert.match(page.headers['cache-control'] ?? '', 'no-store')
  })
}

test('a parameter that comes twice leads home', async () => {
  const page = await site.visitor().open('/onward/?to=/one&to=/two', HTMX)
  assert.is(page.headers['hx-redirect'], '/start')
})

test('whoever opens it without htmx is led to the place', async () => {
  const page = await site.visitor().open('/onward/?to=/orders', { 'Sec-Fetch-Site': 'same-origin' })
  assert.is(page.status, 303)
  assert.is(page.headers.location, '/orders')
})

test('another site leads nowhere by it', async () => {
  for (const from of ['cross-site', 'same-site']) {
    const page = await site.visitor().open('/onward/?to=/orders', { 'Sec-Fetch-Site': from })
    assert.is(page.headers.location, '/start', from)
  }
  const old = await site.visitor().open('/onward/?to=/orders', { Origin: 'https://evil.example' })
  assert.is(old.headers.location, '/start')
})

test.run()
