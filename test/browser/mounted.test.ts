import type { Browser, Page } from 'playwright-core'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { MINUTE } from '../../src/base/durations.js'
import { PASSWORD, until } from '../support/helpers.js'
import type { TestMailServer } from '../support/mail-server.js'
import { launch, leave } from './chromium.js'
import { openShop, type Shop } from './shop.js'
import { fillIn, messages } from './visit.js'

const test = suite('a visitor of a host app')

let browser: Browser
test.before(async () => {
  browser = await launch()
})
test.after(() => leave(browser))

const NEW = 'another horse 43'
const LINK = /http\S*\/password\/reset\/link\/\S+/

for (const mounted of [false, true]) {
  for (const javaScriptEnabled of [true, false]) {
    const how = `${mounted ? 'mounted by koa-mount' : 'under a prefix'}, ${javaScriptEnabled ? 'with' : 'without'} JavaScript`

    test(`${how}: every flow ends on the app’s page`, async () => {
      const shop = await openShop({ mounted })
      const context = await browser.newContext({ baseURL: shop.address, javaScriptEnabled })
      const page = await context.newPage()
      try {
        await walk(page, shop, javaScriptEnabled)
      } finally {
        await context.close()
        await shop.close()
      }
    })
  }
}

async function walk(page: Page, { base, clock, mailServer }: Shop, htmx: boolean): Promise<void> {
  const members = (path: string) => page.goto(`${base}/members/${path}/`)
  // A message that htmx has shown does not appear again.
  const unlessShown = (notice: string) => (htmx ? '' : notice)

  await members('signup')
  const typed = { username: 'Vera', email: 'vera@example.com', password: PASSWORD, repassword: PASSWORD }
  await fillIn(page, typed)
  await press(page)
  await arrives(page, `${base}/`, 'Welcome, stranger', unlessShown('Your account Vera is ready.'))

  await page.goto(`${base}/orders`)
  assert.is(new URL(page.url()).pathname, `${base}/members/login/`)
  await logIn(page, PASSWORD)
  await arrives(page, `${base}/orders`, 'Orders of Vera', unlessShown('You are logged in.'))

  await page.goto(`${base}/order`)
  await page.fill('#thing', 'an apple')
  clock.advance(11 * MINUTE)
  await press(page, 'form button')
  assert.match((await messages(page)).join(), 'Enter your password first')
  await page.fill('#password', PASSWORD)
  await press(page)
  await arrives(page, `${base}/order`, 'Order', '')
  assert.is(await page.inputValue('#thing'), 'an apple')
  await press(page, 'form button')
  await arrives(page, `${base}/order`, 'Ordered: an apple', '')

  clock.advance(11 * MINUTE)
  await page.goto(`${base}/order`)
  assert.is(new URL(page.url()).pathname, `${base}/members/password/confirm/`)
  await page.fill('#password', PASSWORD)
  await press(page)
  await arrives(page, `${base}/order`, 'Order', '')

  const tab = await page.context().newPage()
  await page.fill('#thing', 'a pear')
  await tab.goto(`${base}/members/logout/`)
  await press(tab)
  await arrives(tab, `${base}/`, 'Welcome, stranger', 'You are logged out.')
  await press(page, 'form button')
  assert.match((await messages(page)).join(), 'You are logged out. Log in, then send this again')
  await page.click('#messages a')
  await logIn(page, PASSWORD)
  await arrives(page, `${base}/order`, 'Order', unlessShown('You are logged in.'))
  assert.is(await page.inputValue('#thing'), 'a pear')

  await members('logout')
  await press(page)
  await arrives(page, `${base}/`, 'Welcome, stranger', 'You are logged out.')

  await members('password/forgot')
  await fillIn(page, { username: 'Vera' })
  await press(page)
  await page.waitForURL((url) => url.pathname === `${base}/members/password/reset/`)
  await page.goto(await resetLink(mailServer))
  await fillIn(page, { password: NEW, repassword: NEW })
  await press(page)
  await page.waitForURL((url) => url.pathname === `${base}/members/login/`)
  await logIn(page, NEW)
  await arrives(page, `${base}/`, 'Welcome, Vera', unlessShown('You are logged in.'))

  await members('account/close')
  await press(page)
  await arrives(
    page,
    `${base}/`,
    'Welcome, stranger',
    'Your account is closed and will be deleted in 14 days.',
  )
}

async function logIn(page: Page, password: string): Promise<void> {
  await fillIn(page, { username: 'Vera', password })
  await press(page)
}

async function press(page: Page, button = 'main form button'): Promise<void> {
  await page.click(button)
}

/** Waits for the app's own page, without Gatehouse's layout, and checks its notice. */
async function arrives(page: Page, path: string, heading: string, notice: string): Promise<void> {
  await page.waitForURL((url) => url.pathname === path)
  await page.locator('h1', { hasText: heading }).waitFor()
  assert.is(await page.title(), 'The shop')
  assert.is(await page.locator('#messages').count(), 0)
  const said = await page.locator('#notice').innerText()
  assert.is(said.slice(0, notice.length || undefined), notice)
}

async function resetLink({ received }: TestMailServer): Promise<string> {
  const found = () => received.map(({ mail }) => LINK.exec(mail.text ?? '')?.[0]).find(Boolean) ?? ''
  await until(() => found() !== '', 'an email with a link')
  return found()
}

test.run()
