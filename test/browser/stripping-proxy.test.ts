import type { Browser, Page } from 'playwright-core'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { PASSWORD, Site } from '../support/helpers.js'
import { type StrippingProxy, stripping } from '../support/stripping-proxy.js'
import { launch, leave } from './chromium.js'
import { fillIn } from './visit.js'

const test = suite('a path in BASE_URL that the proxy strips')
const BASE = '/club'
let browser: Browser
let proxy: StrippingProxy
let site: Site

test.before(async () => {
  browser = await launch()
  proxy = await stripping(BASE)
  site = await Site.start({ environment: { BASE_URL: `${proxy.address}${BASE}`, COOKIE_PATH: BASE } })
  proxy.forwardTo(site.address)
})
test.after(async () => {
  await site.close()
  await proxy.close()
  await leave(browser)
})

for (const javaScriptEnabled of [false, true]) {
  const name = javaScriptEnabled ? 'Vera' : 'Anna'

  test(`${javaScriptEnabled ? 'with' : 'without'} JavaScript every page, form, link and asset is below it`, async () => {
    const context = await browser.newContext({ baseURL: proxy.address, javaScriptEnabled })
    const page = await context.newPage()
    const failed: string[] = []
    page.on('response', (response) => {
      if (response.status() >= 400 && ![406].includes(response.status())) failed.push(response.url())
    })
    try {
      await walk(page, name)
      const cookies = await context.cookies()
      assert.equal([...new Set(cookies.map(({ path }) => path))], [BASE])
    } finally {
      await context.close()
    }
    assert.equal(failed, [])
    assert.equal(
      proxy.elsewhere.filter((path) => path !== '/favicon.ico'),
      [],
    )
  })
}

async function walk(page: Page, name: string): Promise<void> {
  const email = `${name.toLowerCase()}@example.com`
  await page.goto(`${BASE}/`)
  await page.click('main a[href$="/signup/"]')
  await fillIn(page, { username: 'a!', email, password: PASSWORD, repassword: PASSWORD })
  await press(page)
  await page.getByText('⚠').first().waitFor()
  await fillIn(page, { username: name, password: PASSWORD, repassword: PASSWORD })
  await press(page)
  await page.waitForURL((url) => url.pathname === `${BASE}/`)

  const { link, html } = await site.mail(email)
  assert.ok(link.startsWith(`${BASE}/email/confirm/link/`), link)
  assert.match(html, `${proxy.address}${BASE}/email/confirm/link/`)
  await page.goto(link)
  assert.is(pathOf(page), `${BASE}/email/confirm/`)
  await press(page)
  await page.waitForURL((url) => url.pathname === `${BASE}/login/`)

  await page.goto(`${BASE}/members/recent/`)
  assert.is(page.url(), `${proxy.address}${BASE}/login/?next=%2Fclub%2Fmembers%2Frecent%2F`)
  await fillIn(page, { username: name, password: PASSWORD })
  await press(page)
  await page.waitForURL((url) => url.pathname === `${BASE}/members/recent/`)
  await fillIn(page, { note: 'Water the plants' })
  await press(page)
  await page.getByText('Your note is saved.').first().waitFor()
  assert.is(pathOf(page), `${BASE}/members/recent/`)

  await page.click('footer a[lang="de"]')
  assert.is(pathOf(page), `${BASE}/members/recent/`)
  assert.is(await page.getAttribute('html', 'lang'), 'de')
  await page.click('main a[href$="/members/"]')
  assert.is(pathOf(page), `${BASE}/members/`)
  await page.goto(`${BASE}/account`)
  assert.is(pathOf(page), `${BASE}/account/`)
  for (const link of await page.$$eval('a[href]', (links) =>
    links.map((one) => one.getAttribute('href') ?? ''),
  )) {
    assert.ok(link.startsWith('?') || link.startsWith('#') || link.startsWith(`${BASE}/`), link)
  }
  await page.goto(`${BASE}/logout/`)
  await press(page)
  await page.waitForURL((url) => url.pathname === `${BASE}/`)
  assert.is((await page.request.get(`${BASE}/members/`, { maxRedirects: 0 })).status(), 303)
  await page.goto(`${BASE}/?lang=en`)
}

function press(page: Page): Promise<unknown> {
  const response = page.waitForResponse((one) => one.request().method() === 'POST')
  return Promise.all([response, page.click('main form button[type=submit]')])
}

function pathOf(page: Page): string {
  return new URL(page.url()).pathname
}

test('well-known URLs work at the root, to which the proxy passes them on', async () => {
  const { headers } = await site.visitor().open('/.well-known/change-password')
  assert.is(headers.location, `${BASE}/account/password/`)
})

test.run()
