import type { BrowserContextOptions, Page } from 'playwright-core'
import * as assert from 'uvu/assert'
import { PASSWORD } from '../support/helpers.js'
import { countOf, plugIn } from './authenticator.js'
import { browserSuite, fillIn, messages, pressForPage } from './visit.js'

const { test, site, open } = browserSuite('passkeys in a browser', { host: 'localhost' })

const CREATE = 'button:text("Create a passkey")'
const LOG_IN = 'button:text("Log in with a passkey")'

let made = 0

/** Logs in as a new user. */
async function settled(options: BrowserContextOptions = {}): Promise<{ page: Page; name: string }> {
  const name = `Anna ${++made}`
  await site()
    .visitor()
    .signUp(name, { email: `anna${made}@example.com` })
  const page = await open('/login/', options)
  await fillIn(page, { username: name, password: PASSWORD })
  await Promise.all([page.waitForURL((url) => url.pathname !== '/login/'), page.click('main form button')])
  return { page, name }
}

async function logOut(page: Page): Promise<void> {
  await page.goto('/logout/')
  await pressForPage(page)
  site().clock.advance(1)
}

test('a passkey is created, and logs in', async () => {
  const { page, name } = await settled()
  const device = await plugIn(page)
  await page.goto('/account/passkeys/')
  await page.click(CREATE)
  await page.waitForSelector('.rows h2')
  assert.equal(await messages(page), ['✔ Your passkey is created. You can now log in with it.'])
  assert.is(await countOf(device), 1)
  await logOut(page)
  await page.goto('/login/')
  await page.click(LOG_IN)
  await page.waitForSelector('#messages > *')
  assert.equal(await messages(page), ['✔ You are logged in.'])
  await page.goto('/account/')
  assert.match(await page.innerText('header'), name)
})

test.run()
