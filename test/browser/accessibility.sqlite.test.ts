import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { AxeResults } from 'axe-core'
import type { Page } from 'playwright-core'
import * as assert from 'uvu/assert'
import { PASSWORD } from '../helpers.js'
import { browserSuite, fillIn, pressForAnswer } from './visit.js'

/*
 * WCAG 2.2 AA as far as axe-core can tell, of every state in the gallery and of the real pages with what htmx puts there.
 * It is put into the page from outside, so that the site's own security policy holds.
 */
const { test, site, open } = browserSuite('accessibility')

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']
const DESKTOP = { width: 1280, height: 800 }
const PHONE = { width: 320, height: 640 }

/** What axe finds, one line for each element. */
async function violations(page: Page, rules?: readonly string[]): Promise<string[]> {
  if (!(await page.evaluate('"axe" in window'))) await page.evaluate(AXE)
  const runOnly = rules === undefined ? { type: 'tag', values: TAGS } : { type: 'rule', values: rules }
  const options = JSON.stringify({ runOnly, resultTypes: ['violations'], elementRef: false })
  const found: AxeResults['violations'] = await page.evaluate(
    `axe.run(document, ${options}).then(({ violations }) => violations)`,
  )
  return found.flatMap(({ id, nodes }) =>
    nodes.map(
      ({ target, failureSummary }) => `${page.url()}: ${id} at ${target.join(' ')}: ${failureSummary}`,
    ),
  )
}

/** What depends on the colours and on the width, beside everything else once. */
async function violationsInAllLooks(page: Page): Promise<string[]> {
  const found = await violations(page)
  await page.emulateMedia({ colorScheme: 'dark' })
  found.push(...(await violations(page, ['color-contrast'])))
  await page.emulateMedia({ colorScheme: 'light' })
  await page.setViewportSize(PHONE)
  found.push(...(await violations(page, ['target-size', 'scrollable-region-focusable'])))
  await page.setViewportSize(DESKTOP)
  return found
}

test('every page, mail and fragment of the gallery is without a violation', async () => {
  const list = await open('/dev/gallery/', { viewport: DESKTOP })
  const paths: string[] = await list.evaluate(
    '[...document.querySelectorAll("main .rows a")].map((link) => link.pathname)',
  )
  assert.ok(paths.length > 200, `${paths.length} states`)
  const found = await violationsInAllLooks(list)
  const waiting = paths.filter((path) => !path.endsWith('/text/')).values()
  const look = async () => {
    const page = await open('/healthz', { viewport: DESKTOP })
    for (const path of waiting) {
      await page.goto(path)
      found.push(...(await violationsInAllLooks(page)))
    }
  }
  await Promise.all([look(), look()])
  assert.equal(found, [])
})
test('the real pages are, with what htmx puts there', async () => {
  const page = await open('/signup/', { viewport: DESKTOP })
  await pressForAnswer(page)
  const found = await violationsInAllLooks(page)
  await fillIn(page, { username: 'Axel', email: 'axel@gmial.com', password: PASSWORD, repassword: PASSWORD })
  await page.waitForSelector('#password-advice meter')
  found.push(...(await violationsInAllLooks(page)))
  await pressForAnswer(page)
  found.push(...(await violationsInAllLooks(page)))
  await page.goto('/login/')
  await fillIn(page, { username: 'Axel', password: 'x' })
  await pressForAnswer(page)
  found.push(...(await violationsInAllLooks(page)))
  await page.fill('#password', PASSWORD)
  await pressForAnswer(page)
  found.push(...(await violations(page)))
  for (const path of ['/', '/account/', '/account/devices/', '/account/export/', '/logout/', '/nowhere']) {
    await page.goto(path)
    found.push(...(await violationsInAllLooks(page)))
  }
  assert.equal(found, [])
})

test('whatever is pressed is at least 24 px high and wide, on a phone too', async () => {
  await site().visitor().settle('Finger')
  const page = await open('/login/', { viewport: PHONE })
  await fillIn(page, { username: 'Finger', password: PASSWORD })
  await pressForAnswer(page)
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

test('with forced colours every field and button has an edge, and the focus shows', async () => {
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

test('at 400 % zoom, which is 320 px wide and 256 px high, nothing is cut off', async () => {
  const page = await open('/signup/', { viewport: { width: 320, height: 256 } })
  await pressForAnswer(page)
  assert.is(await page.evaluate('document.documentElement.scrollWidth'), 320)
  await page.click('#messages a[href="#repassword"]')
  const { top, bottom } = JSON.parse(
    await page.evaluate('JSON.stringify(document.activeElement.getBoundingClientRect())'),
  )
  assert.ok(top >= 0 && bottom <= 256, `the field that an error leads to is in view: ${top} to ${bottom}`)
})

test.run()
