import * as assert from 'uvu/assert'
import { PASSWORD } from '../support/helpers.js'
import { PHONE, violations, violationsInBothLights } from './axe.js'
import { browserSuite, fillIn, pressForResponse } from './visit.js'

/*
 * These are real pages, after htmx has changed them. heavy/gallery.sqlite.test.ts looks at the states of the gallery.
 */
const { test, site, open } = browserSuite('accessibility', { environment: { NODE_ENV: 'development' } })

test('axe finds no violation on real pages, even after htmx has changed them', async () => {
  const page = await open('/signup/', { viewport: PHONE })
  await pressForResponse(page)
  const found = await violationsInBothLights(page)
  await fillIn(page, { username: 'Axel', email: 'axel@gmial.com', password: PASSWORD, repassword: PASSWORD })
  await page.waitForSelector('#password-hints meter')
  found.push(...(await violationsInBothLights(page)))
  await pressForResponse(page)
  found.push(...(await violationsInBothLights(page)))
  await page.goto('/login/')
  await fillIn(page, { username: 'Axel', password: 'x' })
  await pressForResponse(page)
  found.push(...(await violationsInBothLights(page)))
  await page.fill('#password', PASSWORD)
  await pressForResponse(page)
  found.push(...(await violations(page)))
  for (const path of ['/', '/account/', '/account/devices/', '/account/export/', '/logout/', '/nowhere']) {
    await page.goto(path)
    found.push(...(await violationsInBothLights(page)))
  }
  assert.equal(found, [])
})

test('every link, button and input is at least 24 px wide and high on a phone', async () => {
  await site().visitor().settle('Finger')
  const page = await open('/login/', { viewport: PHONE })
  await fillIn(page, { username: 'Finger', password: PASSWORD })
  await pressForResponse(page)
  const small: string[] = []
  for (const path of [
    ...['/', '/account/', '/account/name/', '/account/email/', '/account/password/', '/account/devices/'],
    ...['/account/activity/', '/account/export/', '/account/close/', '/logout/', '/nowhere', '/dev/mailbox/'],
    ...[
      '/dev/gallery/signup/errors/',
      '/dev/gallery/login/empty/',
      '/dev/gallery/messages/success-and-onward/',
    ],
  ]) {
    await page.goto(path)
    const found: string[] = await page.evaluate(`
      [...document.querySelectorAll('a[href], button, input:not([type=hidden])')]
        .filter((element) => element.checkVisibility() && !element.matches('.skip'))
        .filter((element) => [...element.getClientRects()].some(({ width, height }) => width < 24 || height < 24))
        .map((element) => element.outerHTML)`)
    small.push(...found.map((html) => `${path}: ${html}`))
  }
  assert.equal(small, [])
})

test('a working button shows it, and moves unless reduced motion is preferred', async () => {
  for (const [reducedMotion, animation] of [
    ['no-preference', 'wait'],
    ['reduce', 'none'],
  ] as const) {
    const page = await open('/login/', { reducedMotion })
    await page.route('**/login/verify/', () => {})
    await page.click('main form button')
    await page.waitForSelector('.htmx-request')
    const line = await page.evaluate(`(() => {
      const { borderBottomStyle, animationName } = getComputedStyle(document.querySelector('main form button'), '::after')
      return [borderBottomStyle, animationName].join()
    })()`)
    assert.is(line, `solid,${animation}`)
  }
})

test('with forced colors every field and button has a border, and focus is visible', async () => {
  const page = await open('/signup/', { forcedColors: 'active' })
  const edges: string[] = await page.evaluate(`
    [...document.querySelectorAll('main input:not([type=hidden]), main button')].map((element) => {
      const { borderTopStyle, borderTopWidth, borderTopColor, backgroundColor } = getComputedStyle(element)
      const isSeen = borderTopStyle === 'solid' && parseFloat(borderTopWidth) >= 1 && borderTopColor !== backgroundColor
      return isSeen ? '' : element.outerHTML
    })`)
  assert.ok(edges.length >= 5)
  assert.equal(edges.filter(Boolean), [])
  for (let presses = 0; presses < 10; presses++) {
    await page.keyboard.press('Tab')
    const outline = await page.evaluate('getComputedStyle(document.activeElement).outlineStyle')
    assert.is(outline, 'solid', await page.evaluate('document.activeElement.outerHTML'))
  }
})

test('at 400 % zoom (320 by 256 px) nothing is cut off', async () => {
  const page = await open('/signup/', { viewport: { width: 320, height: 256 } })
  await pressForResponse(page)
  assert.is(await page.evaluate('document.documentElement.scrollWidth'), 320)
  await page.click('#messages a[href="#repassword"]')
  const { top, bottom } = JSON.parse(
    await page.evaluate('JSON.stringify(document.activeElement.getBoundingClientRect())'),
  )
  assert.ok(top >= 0 && bottom <= 256, `the field that an error leads to is in view: ${top} to ${bottom}`)
})

test.run()
