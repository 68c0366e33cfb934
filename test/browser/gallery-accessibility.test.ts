import * as assert from 'uvu/assert'
import { LOOKS, violations } from './axe.js'
import { browserSuite } from './visit.js'

/*
 * WCAG 2.2 AA, as far as axe-core can tell, of every state of every page.
 */
const { test, open } = browserSuite('accessibility of the gallery')

test('every page and mail is without a violation in each of its states', async () => {
  const list = await open('/dev/gallery/')
  const paths: string[] = await list.evaluate(
    '[...document.querySelectorAll("main .rows a")].map((link) => link.pathname)',
  )
  assert.ok(paths.length > 200, `${paths.length} states`)
  const found = await violations(list)
  // Each state in one look, and each page, whose states follow one another, in all of them.
  // What htmx gets is looked at where it belongs, in the real pages; mails as text are one page again and again.
  const waiting = paths.filter((path) => !/\/(?:htmx-.*|(?:.*-)?text)\/$/.test(path)).entries()
  const look = async () => {
    const page = await open('/healthz')
    for (const [index, path] of waiting) {
      const { viewport, colorScheme } = LOOKS[index % LOOKS.length] ?? LOOKS[0]
      await page.setViewportSize(viewport)
      await page.emulateMedia({ colorScheme })
      await page.goto(path)
      found.push(...(await violations(page)))
    }
  }
  await Promise.all([look(), look()])
  assert.equal(found, [])
})

test('what is wrong is found', async () => {
  const page = await open('/dev/gallery/login/empty/')
  await page.evaluate('document.querySelector("main label").remove()')
  await page.evaluate(
    'document.querySelector("h1").style.color = "#777"; document.body.style.background = "#888"',
  )
  const found = (await violations(page)).join('\n')
  for (const rule of ['label', 'color-contrast']) assert.match(found, `: ${rule} at`)
})

test.run()
