import type { Page } from 'playwright-core'
import * as assert from 'uvu/assert'
import { MINUTE } from '../../src/base/durations.js'
import { PASSWORD } from '../support/helpers.js'
import { browserSuite, fillIn, messages, pressForPage, pressForResponse } from './visit.js'

const { test, site, open } = browserSuite('forms that need the password first')

const NOTE = 'a "note" with käse & <b>'

async function logIn(page: Page, name: string): Promise<void> {
  await fillIn(page, { username: name, password: PASSWORD })
  await page.click('main form button')
}

/** Logs in in a new browser window, and opens the form that needs a recent login. */
async function atForm(name: string, options = {}): Promise<Page> {
  await site().visitor().signUp(name)
  const page = await open('/members/recent/', options)
  await logIn(page, name)
  await page.waitForURL('**/members/recent/')
  await page.fill('#note', NOTE)
  return page
}

test('with JavaScript a late form comes back filled in after the password', async () => {
  const page = await atForm('Hanna')
  site().clock.advance(10 * MINUTE)
  await pressForResponse(page)
  assert.match((await messages(page)).join(), 'Enter your password first')
  assert.is(await page.inputValue('#note'), NOTE, 'the page does not change')

  await page.click('#messages button')
  await page.waitForURL('**/password/confirm/verify/')
  await page.fill('#password', 'mistyped')
  await pressForResponse(page)
  assert.equal(await messages(page), ['⚠ The password is not correct. Try again.'])
  await page.fill('#password', PASSWORD)
  await page.click('main form button')
  await page.waitForURL('**/members/recent/')
  assert.match((await messages(page)).join(), 'Here is what you typed')
  assert.is(await page.inputValue('#note'), NOTE)
  await pressForResponse(page)
  assert.equal(await messages(page), ['✔ Your note is saved.'])
})

test('with JavaScript a page asks for the password, then opens', async () => {
  const page = await atForm('Irma')
  site().clock.advance(10 * MINUTE)
  await page.goto('/members/recent/')
  assert.match(page.url(), '/password/confirm/')
  await page.fill('#password', 'mistyped')
  await pressForResponse(page)
  assert.equal(await messages(page), ['⚠ The password is not correct. Try again.'])
  await page.fill('#password', PASSWORD)
  await page.click('main form button')
  await page.waitForURL('**/members/recent/')
})

test('without JavaScript a late form comes back filled in after the password', async () => {
  const page = await atForm('Jana', { javaScriptEnabled: false })
  site().clock.advance(10 * MINUTE)
  await pressForPage(page)
  assert.match((await messages(page)).join(), 'Enter your password first')
  await page.fill('#password', PASSWORD)
  await pressForPage(page)
  assert.is(new URL(page.url()).pathname, '/members/recent/')
  assert.is(await page.inputValue('#note'), NOTE)
  await pressForPage(page)
  assert.equal(await messages(page), ['✔ Your note is saved.'])
  assert.is(await page.inputValue('#note'), NOTE)
})

for (const javaScriptEnabled of [true, false]) {
  test(`${javaScriptEnabled ? 'with' : 'without'} JavaScript a form survives a logout in another tab`, async () => {
    const page = await atForm(`Kaja ${javaScriptEnabled}`, { javaScriptEnabled })
    const tab = await page.context().newPage()
    await tab.goto('/logout/')
    await pressForPage(tab)
    assert.equal(await messages(tab), ['✔ You are logged out.'])

    await page.click('main form button')
    await page.waitForSelector('#messages .error')
    assert.match((await messages(page)).join(), 'You are logged out')
    assert.is(await page.inputValue('#note'), NOTE)
    await page.click('#messages a')
    await logIn(page, `Kaja ${javaScriptEnabled}`)
    await page.waitForURL('**/members/recent/')
    assert.is(await page.inputValue('#note'), NOTE)
  })
}

test('after a logout the back button shows nothing private', async () => {
  const page = await atForm('Lara')
  await pressForResponse(page)
  await page.goto('/account/devices/')
  await page.click('nav >> text=Log out')
  await page.click('main button')
  await page.waitForURL(`${site().address}/`)
  for (let steps = 0; steps < 4; steps++) {
    await page.goBack()
    const text = await page.locator('body').innerText()
    assert.not.match(text, 'Lara')
    assert.is(await page.locator('#note').count(), 0)
  }
})

test('a login page left open overnight works when the button is pressed again', async () => {
  await site().visitor().signUp('Mia')
  const page = await open('/login/')
  site().clock.advance(24 * 60 * MINUTE)
  await page.context().clearCookies()
  await logIn(page, 'Mia')
  await page.waitForSelector('#messages .error')
  assert.match((await messages(page)).join(), 'open for too long')
  await pressForResponse(page)
  assert.equal(await messages(page), ['✔ You are logged in.'])
})

test.run()
