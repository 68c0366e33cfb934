import jsQR from 'jsqr'
import type { BrowserContextOptions, Page } from 'playwright-core'
import * as assert from 'uvu/assert'
import { DAY } from '../../src/base/durations.js'
import { PASSWORD } from '../support/helpers.js'
import { codeAt } from '../support/second-step.js'
import { violationsInBothLights } from './axe.js'
import { browserSuite, fillIn, messages, pressForPage, pressForResponse } from './visit.js'

const { test, site, open } = browserSuite('two-step verification in a browser')

let made = 0

/** Logs in as a new user with a confirmed email address. */
async function settled(options: BrowserContextOptions = {}): Promise<{ page: Page; name: string }> {
  const name = `Anna ${++made}`
  const visitor = site().visitor()
  const email = `anna${made}@example.com`
  await visitor.signUp(name, { email })
  const { code } = await site().mailThat(email, (mail) => mail.code !== '')
  await visitor.send(await visitor.open('/email/confirm/'), { code })
  const page = await open('/login/', options)
  await logIn(page, name)
  return { page, name }
}

async function logIn(page: Page, name: string): Promise<void> {
  await fillIn(page, { username: name, password: PASSWORD })
  await Promise.all([page.waitForURL((url) => url.pathname !== '/login/'), page.click('main form button')])
}

async function keyOn(page: Page): Promise<string> {
  return ((await page.textContent('.key')) ?? '').replaceAll(' ', '')
}

const now = (key: string) => codeAt(key, site().clock.time)

/** Returns what a phone reads from the screen. */
async function scanned(page: Page): Promise<string | undefined> {
  const picture = (await page.locator('.qr').screenshot()).toString('base64')
  const blank = await page.context().newPage()
  const drawn = await blank.evaluate(`(async () => {
    const image = new Image()
    image.src = 'data:image/png;base64,${picture}'
    await image.decode()
    const canvas = Object.assign(document.createElement('canvas'), { width: image.width, height: image.height })
    const context = canvas.getContext('2d')
    context.drawImage(image, 0, 0)
    return { width: image.width, height: image.height, pixels: [...context.getImageData(0, 0, image.width, image.height).data] }
  })()`)
  await blank.close()
  const { pixels, width, height } = drawn as { pixels: number[]; width: number; height: number }
  return jsQR.default(Uint8ClampedArray.from(pixels), width, height)?.data
}

for (const colorScheme of ['light', 'dark'] as const) {
  test(`the QR code can be scanned, ${colorScheme}`, async () => {
    const { page } = await settled({ colorScheme, viewport: { width: 400, height: 900 } })
    await page.goto('/account/authenticator/')
    assert.is(await scanned(page), await page.getAttribute('a[href^="otpauth:"]', 'href'))
  })
}

for (const javaScriptEnabled of [true, false]) {
  test(`it is set up, used to log in and turned off ${javaScriptEnabled ? 'with' : 'without'} JavaScript`, async () => {
    const { page, name } = await settled({ javaScriptEnabled })
    await page.goto('/account/two-step/')
    await pressForPage(page, 'main a.button')
    const key = await keyOn(page)
    await fillIn(page, { code: '000000' })
    await pressForResponse(page)
    assert.match((await messages(page)).join(), 'The code is not correct')
    await fillIn(page, { code: now(key) })
    await pressForPage(page, 'main form button')
    assert.match((await messages(page)).join(), 'Two-step verification is on')
    const codes = await page.locator('.codes code').allInnerTexts()
    assert.is(codes.length, 10)
    const [download] = await Promise.all([page.waitForEvent('download'), page.click('main form button')])
    assert.is(download.suggestedFilename(), 'recovery-codes.txt')
    site().clock.advance(30_000)

    for (const code of [now(key), codes[0] ?? '']) {
      await page.goto('/logout/')
      await pressForPage(page)
      site().clock.advance(1)
      await page.goto('/login/')
      await logIn(page, name)
      assert.is(new URL(page.url()).pathname, '/login/two-step/')
      await fillIn(page, { code })
      await pressForResponse(page)
      assert.match((await messages(page)).join(), 'You are logged in.')
    }
    await page.goto('/account/two-step/')
    await pressForPage(page, 'main form button')
    assert.match((await messages(page)).join(), 'Two-step verification is off.')
  })
}

test('printed recovery codes have the site, username and date on one sheet', async () => {
  const { page, name } = await settled()
  await page.goto('/account/authenticator/')
  await fillIn(page, { code: now(await keyOn(page)) })
  await pressForPage(page, 'main form button')
  const codes = await page.locator('.codes code').allInnerTexts()
  await page.emulateMedia({ media: 'print' })
  const printed = await page.innerText('body')
  for (const text of [...codes, 'Gatehouse', name, '2026']) assert.match(printed, text)
  for (const text of ['Download', 'Log out', 'English']) assert.not.match(printed, text)
  assert.match((await page.pdf()).toString('latin1'), '/Count 1\n')
})

test('axe finds no violation on any of its pages', async () => {
  const { page, name } = await settled()
  const found: string[] = []
  const check = async (path: string) => {
    await page.goto(path)
    found.push(...(await violationsInBothLights(page)))
    await page.emulateMedia({ colorScheme: 'light' })
  }
  await check('/account/two-step/')
  await check('/account/authenticator/')
  const key = await keyOn(page)
  await fillIn(page, { code: now(key) })
  await pressForPage(page, 'main form button')
  for (const path of ['/account/recovery-codes/', '/account/two-step/']) await check(path)
  await check('/password/confirm/?asks=code')
  site().clock.advance(30_000)
  await page.goto('/logout/')
  await pressForPage(page)
  await page.goto('/login/')
  await logIn(page, name)
  await check('/login/two-step/')
  await fillIn(page, { code: '1' })
  await pressForResponse(page)
  found.push(...(await violationsInBothLights(page)))
  assert.equal(found, [])
})

for (const javaScriptEnabled of [true, false]) {
  test(`it is turned off by email, on accessible pages, ${javaScriptEnabled ? 'with' : 'without'} JavaScript`, async () => {
    const { page, name } = await settled({ javaScriptEnabled, viewport: { width: 360, height: 800 } })
    const email = `anna${made}@example.com`
    await page.goto('/account/authenticator/')
    await fillIn(page, { code: now(await keyOn(page)) })
    await pressForPage(page, 'main form button')
    site().clock.advance(4 * DAY)
    const found: string[] = []
    const check = async () => {
      if (!javaScriptEnabled) return
      found.push(...(await violationsInBothLights(page)))
      assert.ok(await page.evaluate('document.documentElement.scrollWidth <= innerWidth'), page.url())
      await page.emulateMedia({ colorScheme: 'light' })
    }
    const enter = async () => {
      await page.goto('/login/')
      await logIn(page, name)
      await pressForPage(page, 'main a[href="/login/two-step/lost/"]')
    }
    await enter()
    await check()
    await pressForPage(page, 'main form button')
    assert.match((await messages(page)).join(), 'is on its way')
    const { link } = await site().mailThat(email, (mail) => mail.link.includes('/lost/link/'))
    await page.goto(link)
    await check()
    await pressForPage(page, 'main form button')
    assert.match((await messages(page)).join(), 'You can log in without a code in 3 days.')
    await check()
    site().clock.advance(3 * DAY)
    await enter()
    await check()
    await pressForPage(page, 'main form button')
    assert.is(new URL(page.url()).pathname, '/account/two-step/')
    assert.match((await messages(page)).join(), 'Two-step verification is off.')
    assert.equal(found, [])
  })
}

test('the notice that it ends soon is accessible, and its button cancels', async () => {
  const { page } = await settled({ viewport: { width: 360, height: 800 } })
  await page.goto('/account/authenticator/')
  await fillIn(page, { code: now(await keyOn(page)) })
  await pressForPage(page, 'main form button')
  await site().write(
    `update users set second_ends_at = ${site().clock.time + DAY} where second_step_at is not null`,
  )
  const found: string[] = []
  for (const path of ['/', '/account/two-step/', '/account/']) {
    await page.goto(path)
    assert.match(await page.innerText('main'), 'Someone asked by email')
    found.push(...(await violationsInBothLights(page)))
    assert.ok(await page.evaluate('document.documentElement.scrollWidth <= innerWidth'), path)
  }
  assert.equal(found, [])
  await pressForPage(page, 'main .warning button')
  assert.match((await messages(page)).join(), 'Two-step verification stays on.')
})

test.run()
