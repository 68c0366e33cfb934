import type { Page } from 'playwright-core'
import * as assert from 'uvu/assert'
import { PSEUDO, pseudoFolder } from '../support/pseudo.js'
import { browserSuite, messages, pressForResponse } from './visit.js'

const { test, open } = browserSuite('languages', { development: true, templates: [pseudoFolder()] })

const PHONE = { viewport: { width: 320, height: 800 } }

test('in a right-to-left language no page is too wide, and all start on the right', async () => {
  const page = await open('/dev/gallery/', PHONE)
  const paths: string[] = await page.evaluate(
    '[...document.querySelectorAll("main .rows a")].map((link) => link.pathname)',
  )
  const shown = paths.filter((path) => /\/(?:[a-z]+-)?(?:errors|long|full|html)\/$/.test(path))
  assert.ok(shown.length > 30, `${shown.length} pages`)
  const odd: string[] = []
  for (const path of shown) {
    await page.goto(`${path}?lang=${PSEUDO}`)
    const { isWide, direction, side } = await layoutOf(page)
    if (isWide || direction !== 'rtl' || side !== 'right') odd.push(`${path}: ${isWide} ${direction} ${side}`)
  }
  assert.equal(odd, [])
  await page.context().close()
})

interface Layout {
  isWide: boolean
  direction: string
  /** The side on which the heading's text begins. */
  side: string
}

function layoutOf(page: Page): Promise<Layout> {
  return page.evaluate(`(() => {
    const heading = document.querySelector('h1')
    const text = document.createRange()
    text.selectNodeContents(heading)
    // A line has one rectangle for each direction in it.
    const all = [...text.getClientRects()]
    const line = all.filter(({ top, bottom }) => top < all[0].bottom && bottom > all[0].top)
    const left = Math.min(...line.map((part) => part.left))
    const right = Math.max(...line.map((part) => part.right))
    const box = heading.getBoundingClientRect()
    return {
      isWide: document.documentElement.scrollWidth > innerWidth,
      direction: getComputedStyle(document.body).direction,
      side: left - box.left + 1 >= box.right - right ? 'right' : 'left',
    }
  })()`)
}

for (const javaScriptEnabled of [true, false]) {
  test(`the switch works ${javaScriptEnabled ? 'with' : 'without'} JavaScript`, async () => {
    const page = await open('/login/?next=%2Faccount%2F', { locale: 'en-GB', javaScriptEnabled })
    await page.click('footer a[hreflang="ru"]')
    await page.waitForURL('**/login/?next=%2Faccount%2F')
    assert.is(await page.textContent('h1'), 'Войти')
    await pressForResponse(page)
    assert.equal(await messages(page), [
      '⚠ Введите имя пользователя или адрес электронной почты.',
      '⚠ Введите пароль.',
    ])
    await page.click('footer a[hreflang="en"]')
    await page.waitForURL('**/login/**')
    assert.is(await page.textContent('h1'), 'Log in')
    await page.context().close()
  })
}

test('a browser that asks for Russian gets it', async () => {
  const page = await open('/signup/', { locale: 'ru-RU' })
  assert.is(await page.textContent('h1'), 'Создать аккаунт')
  await page.context().close()
})

test.run()
