import type { Request, Route } from 'playwright-core'
import * as assert from 'uvu/assert'
import { PASSWORD } from '../support/helpers.js'
import { browserSuite, fillIn, messages, pressForResponse } from './visit.js'

const { test, site, open } = browserSuite('a form without a response from the site')

test.before(async () => {
  await site().visitor().signUp('Olga')
})

const NO_RESPONSE = [
  '⚠ The site did not respond, so nothing may have been saved. What you typed is still here. Check your connection, then press the button again.',
]
const GATEWAY = '<html><head><title>502</title></head><body><h1>502 Bad Gateway</h1><hr>nginx</body></html>'
const html = (status: number) => ({ status, contentType: 'text/html', body: GATEWAY })

const FAILURES: Record<string, (route: Route) => Promise<void>> = {
  'no network': (route) => route.abort('internetdisconnected'),
  'a site that restarts': (route) => route.abort('connectionrefused'),
  'a connection that breaks off': (route) => route.abort('connectionreset'),
  'the 502 of a proxy': (route) => route.fulfill(html(502)),
  'the login of a hotel': (route) => route.fulfill(html(200)),
  'a text from another server': (route) =>
    route.fulfill({ status: 503, contentType: 'text/plain', body: 'Upstream' }),
  'no content': (route) => route.fulfill({ status: 204 }),
}

for (const [what, fail] of Object.entries(FAILURES)) {
  test(`${what}: the message box says so, no text is lost, and trying again works`, async () => {
    const page = await open('/login/')
    await fillIn(page, { username: 'Olga', password: PASSWORD })
    await page.route('**/login/verify/', fail)
    await pressForResponse(page)
    assert.equal(await messages(page), NO_RESPONSE)
    assert.not.match(await page.locator('body').innerText(), /Gateway|Upstream/)
    assert.is(await page.title(), 'Log in · Gatehouse')
    await pressForResponse(page)
    assert.equal(await messages(page), NO_RESPONSE, 'again')
    assert.is(await page.inputValue('#password'), PASSWORD)
    await page.unroute('**/login/verify/')
    await pressForResponse(page)
    assert.equal(await messages(page), ['✔ You are logged in.'])
  })
}

test('the message is in the page’s language, and accessible to screen readers', async () => {
  const page = await open('/login/', { locale: 'ru' })
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('console', (message) => complaints.push(message.text()))
  await page.route('**/login/verify/', (route) => route.fulfill(html(502)))
  await pressForResponse(page)
  assert.match((await messages(page)).join(), 'Сайт не ответил')
  const client = await page.context().newCDPSession(page)
  const { nodes } = await client.send('Accessibility.getFullAXTree')
  assert.ok(
    nodes.some(({ role, name }) => role?.value === 'StaticText' && /не ответил/.test(name?.value ?? '')),
  )
  assert.equal(
    complaints.filter((text) => !text.startsWith('Failed to load resource')),
    [],
  )
})

test('a failed hint shows no error', async () => {
  const page = await open('/signup/')
  await page.route('**/hints/', (route) => route.fulfill(html(502)))
  const response = page.waitForResponse('**/hints/')
  await page.fill('#username', 'Olga')
  await (await response).finished()
  assert.equal(await messages(page), [])
  assert.not.match(await page.locator('body').innerText(), 'Gateway')
})

test('when the next page does not load, the success message and link stay', async () => {
  for (const fail of [FAILURES['the 502 of a proxy'], FAILURES['no network']]) {
    const page = await open('/login/')
    if (fail) await page.route('**/onward/*', fail)
    await fillIn(page, { username: 'Olga', password: PASSWORD })
    const ends = [
      page.waitForEvent('requestfinished', isOnward),
      page.waitForEvent('requestfailed', isOnward),
    ]
    await pressForResponse(page)
    await Promise.any(ends)
    assert.equal(await messages(page), ['✔ You are logged in.'])
    await page.click('#messages a')
    await page.waitForURL(`${site().address}/`)
  }
})

function isOnward(request: Request): boolean {
  return request.url().includes('/onward/')
}

test.run()
