import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { BrowserContextOptions, Page } from 'playwright-core'
import * as assert from 'uvu/assert'
import { root } from '../../src/base/package.js'
import { PASSWORD } from '../support/helpers.js'
import { browserSuite, fillIn, pressForAnswer } from './visit.js'

/** Takes the pictures for the README; writes them to `docs/` only when asked to (`npm run pictures`). */
const { test, site, open } = browserSuite('pictures')

const TALL = { width: 440, height: 760 }
const PHONE = { width: 320, height: 760 }
const DARK = { colorScheme: 'dark' } as const
const FIREFOX = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'
const IPHONE =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1'

async function shot(
  path: string,
  options: BrowserContextOptions = {},
  prepare: (page: Page) => Promise<unknown> = async () => {},
): Promise<Buffer> {
  const page = await open(path, { viewport: TALL, ...options })
  await prepare(page)
  const picture = await page.screenshot()
  await page.context().close()
  return picture
}

async function keepTogether(name: string, pictures: readonly Buffer[], width: number): Promise<void> {
  const page = await open('about:blank', { viewport: { width, height: 808 } })
  const images = pictures.map((picture) => `<img src="data:image/png;base64,${picture.toString('base64')}">`)
  await page.setContent(
    `<style>body { margin: 24px; display: flex; gap: 8px; background: #d9dee5 } img { border-radius: 8px }</style>${images.join('')}`,
  )
  const together = await page.screenshot()
  assert.ok(together.length > 20_000, 'there is something in the picture')
  if (process.env.PICTURES === undefined) return
  mkdirSync(join(root, 'docs'), { recursive: true })
  writeFileSync(join(root, 'docs', name), together)
}

test('home, a sign-up with errors and a dark login stand side by side', async () => {
  await site().visitor().signUp('Anna')
  const typed = { username: 'Anna', email: 'anna@gmial.com', password: 'secret', repassword: 'secret1' }
  const refused = async (page: Page) => {
    await fillIn(page, typed)
    await pressForAnswer(page)
    await page.evaluate('scrollTo(0, 0)')
  }
  const pictures = [await shot('/'), await shot('/signup/', {}, refused), await shot('/login/', DARK)]
  await keepTogether('pages.png', pictures, 1384)
})

test('devices, activity, and the same on a phone in the dark stand side by side', async () => {
  const phone = await logIn(IPHONE)
  site().clock.advance(3 * 60_000)
  const laptop = await logIn(FIREFOX)
  const pictures = [
    await shot('/account/devices/', laptop),
    await shot('/account/activity/', laptop),
    await shot('/account/', { ...phone, ...DARK, viewport: PHONE }),
  ]
  await keepTogether('account.png', pictures, 1264)
})

async function logIn(userAgent: string): Promise<BrowserContextOptions> {
  const page = await open('/login/', { userAgent })
  await fillIn(page, { username: 'Anna', password: PASSWORD })
  await pressForAnswer(page)
  const storageState = await page.context().storageState()
  await page.context().close()
  return { storageState, userAgent }
}

test.run()
