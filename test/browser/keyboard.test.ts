import type { Page } from 'playwright-core'
import * as assert from 'uvu/assert'
import { PASSWORD } from '../helpers.js'
import { browserSuite } from './visit.js'

const { test, site, open } = browserSuite('a keyboard alone')

/** Presses Tab until the focus is on what matches, and insists that it shows. */
async function tabTo(page: Page, selector: string): Promise<void> {
  for (let presses = 0; presses < 30; presses++) {
    await page.keyboard.press('Tab')
    const outline = await page.evaluate('getComputedStyle(document.activeElement).outlineStyle')
    const reached = await page.evaluate(`document.activeElement.matches(${JSON.stringify(selector)})`)
    if (reached) return assert.is.not(outline, 'none', `the focus on ${selector} can be seen`)
  }
  throw new Error(`The keyboard does not reach ${selector}.`)
}

test('sign-up, login and logout', async () => {
  const page = await open('/')
  await tabTo(page, 'main a[href="/signup/"]')
  await page.keyboard.press('Enter')
  await page.waitForURL('**/signup/')
  for (const [name, value] of Object.entries({
    username: 'Keys',
    email: 'keys@example.com',
    password: PASSWORD,
    repassword: PASSWORD,
  })) {
    await tabTo(page, `#${name}`)
    await page.keyboard.type(value)
  }
  await page.keyboard.press('Enter')
  await page.waitForSelector('#messages .success')
  await page.waitForURL(`${site().address}/`)

  await tabTo(page, 'nav a[href="/login/"]')
  await page.keyboard.press('Enter')
  await page.waitForURL('**/login/')
  await tabTo(page, '#username')
  await page.keyboard.type('Keys')
  await tabTo(page, '#password')
  await page.keyboard.type(PASSWORD)
  await tabTo(page, '#keep')
  await page.keyboard.press('Space')
  await tabTo(page, 'main form button')
  await page.keyboard.press('Enter')
  await page.waitForSelector('#messages .success')
  await tabTo(page, 'nav a')
  await page.waitForURL(`${site().address}/`)

  await tabTo(page, 'nav a[href="/logout/"]')
  await page.keyboard.press('Enter')
  await page.waitForURL('**/logout/')
  await tabTo(page, 'main form button')
  await page.keyboard.press('Enter')
  await page.waitForURL(`${site().address}/`)
  assert.match(await page.locator('#messages').innerText(), 'You are logged out.')
})

test('a device is named and another one logged out', async () => {
  await site().visitor().settle('Tabs')
  const page = await open('/login/', { javaScriptEnabled: false })
  await tabTo(page, '#username')
  await page.keyboard.type('Tabs')
  await tabTo(page, '#password')
  await page.keyboard.type(PASSWORD)
  await page.keyboard.press('Enter')
  await page.waitForURL(`${site().address}/`)
  await tabTo(page, 'nav a[href="/account/"]')
  await page.keyboard.press('Enter')
  await page.waitForURL('**/account/')
  await tabTo(page, 'main a[href="/account/devices/"]')
  await page.keyboard.press('Enter')
  await page.waitForURL('**/account/devices/')
  await tabTo(page, 'input[name=name]')
  await page.keyboard.type('Desk')
  await page.keyboard.press('Enter')
  await page.waitForSelector('#messages .success')
  assert.is(await page.locator('.rows h2').first().innerText(), 'Desk')
  await tabTo(page, 'li:nth-child(2) form[action$="/revoke/"] button')
  await page.keyboard.press('Enter')
  await page.waitForSelector('.rows > li:only-child')
})

test.run()
