import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { root } from '../../src/root.js'
import { browserSuite, fillIn } from './visit.js'

/** Takes the picture for the README; writes it to `docs/` only when asked to (`npm run pictures`). */
const { test, open } = browserSuite('pictures')

async function shot(
  path: string,
  { dark, typed }: { dark: boolean; typed?: Record<string, string> },
): Promise<Buffer> {
  const page = await open(path, {
    viewport: { width: 440, height: 760 },
    colorScheme: dark ? 'dark' : 'light',
  })
  if (typed !== undefined) {
    await fillIn(page, typed)
    await page.click('main form button')
    await page.waitForSelector('#messages .error')
  }
  const picture = await page.screenshot()
  await page.context().close()
  return picture
}

test('home, a sign-up with errors and a dark login stand side by side', async () => {
  const typed = { username: 'Anna', email: 'anna@example', password: 'secret', repassword: 'secret1' }
  const pictures = [
    await shot('/', { dark: false }),
    await shot('/signup/', { dark: false, typed }),
    await shot('/login/', { dark: true }),
  ]
  const page = await open('about:blank', { viewport: { width: 1384, height: 808 } })
  const images = pictures.map((picture) => `<img src="data:image/png;base64,${picture.toString('base64')}">`)
  await page.setContent(
    `<style>body { margin: 24px; display: flex; gap: 8px; background: #d9dee5 } img { border-radius: 8px }</style>${images.join('')}`,
  )
  const together = await page.screenshot()
  assert.ok(together.length > 20_000, 'there is something in the picture')
  if (process.env.PICTURES === undefined) return
  mkdirSync(join(root, 'docs'), { recursive: true })
  writeFileSync(join(root, 'docs', 'pages.png'), together)
})

test.run()
