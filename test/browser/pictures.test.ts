import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { BrowserContextOptions, Page } from 'playwright-core'
import * as assert from 'uvu/assert'
import { root } from '../../src/base/package.js'
import { PASSWORD } from '../support/helpers.js'
import { browserSuite, fillIn, pressForResponse } from './visit.js'

/** Takes the pictures for the README. Only `npm run pictures` writes them to `docs/`. */
const { test, site, open } = browserSuite('pictures')

const DESKTOP = { width: 1000, height: 720 }
const PHONE = { width: 360, height: 720 }
const DARK = { colorScheme: 'dark' } as const
const FIREFOX = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'
const IPHONE =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1'

async function shot(
  path: string,
  options: BrowserContextOptions = {},
  prepare: (page: Page) => Promise<unknown> = async () => {},
): Promise<Buffer> {
  const page = await open(path, { viewport: DESKTOP, ...options })
  await prepare(page)
  const picture = await page.screenshot()
  await page.context().close()
  return picture
}

/** Puts the pictures of a desktop and a phone side by side. */
async function keepTogether(name: string, pictures: readonly Buffer[]): Promise<void> {
  const page = await open('about:blank', { viewport: { width: 1432, height: 768 } })
  const images = pictures.map((picture) => `<img src="data:image/png;base64,${picture.toString('base64')}">`)
  await page.setContent(
    `<style>body { margin: 24px; display: flex; gap: 24px; background: #d9dee5 } img { border-radius: 8px }</style>${images.join('')}`,
  )
  const together = await page.screenshot()
  assert.ok(together.length > 20_000, 'the picture is not empty')
  if (process.env.PICTURES === undefined) return
  mkdirSync(join(root, 'docs'), { recursive: true })
  writeFileSync(join(root, 'docs', name), together)
}

test('sign-up with hints on a desktop, login on a dark phone', async () => {
  await site().visitor().signUp('Anna')
  const hinted = async (page: Page) => {
    await fillIn(page, { username: 'Anna', email: 'anna@gmial.com', password: 'horses at night 7' })
    await page.locator('#username-hints').getByText('Anna2').waitFor()
    await page.locator('#email-hints').getByText('gmail.com').waitFor()
    await page.waitForSelector('#password-hints meter')
  }
  const refused = async (page: Page) => {
    await fillIn(page, { username: 'Anna', password: 'secret' })
    await pressForResponse(page)
  }
  const phone = { viewport: PHONE, ...DARK }
  await keepTogether('pages.png', [await shot('/signup/', {}, hinted), await shot('/login/', phone, refused)])
})

test('devices and activity on a desktop, account and public page on a phone', async () => {
  const phone = await logIn(IPHONE)
  site().clock.advance(3 * 60_000)
  const laptop = await logIn(FIREFOX)
  const small = { ...phone, viewport: PHONE }
  const devices = await shot('/account/devices/', laptop)
  await keepTogether('account.png', [devices, await shot('/account/', { ...small, ...DARK })])
  const activity = await shot('/account/activity/', { ...laptop, ...DARK })
  await keepTogether('activity.png', [activity, await shot('/users/anna/', small)])
})

async function logIn(userAgent: string): Promise<BrowserContextOptions> {
  const page = await open('/login/', { userAgent })
  await fillIn(page, { username: 'Anna', password: PASSWORD })
  await pressForResponse(page)
  const storageState = await page.context().storageState()
  await page.context().close()
  return { storageState, userAgent }
}

test.run()
