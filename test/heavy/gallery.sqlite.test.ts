import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Page } from 'playwright-core'
import * as assert from 'uvu/assert'
import { LOOKS, PHONE, violations } from '../browser/axe.js'
import { browserSuite } from '../browser/visit.js'
import { PASSWORD } from '../support/helpers.js'
import { structureOf } from '../support/structure.js'

/** A folder for screenshots of every state. */
const pictures = process.env.PICTURES

const DESKTOP = { width: 1280, height: 800 }
/** Fragments for htmx are tested in the real pages, and all text emails look alike. */
const NO_PAGE = /\/(?:htmx-.*|(?:.*-)?text)\/$/

const { test, site, open } = browserSuite('the gallery', { environment: { NODE_ENV: 'development' } })

/*
 * axe-core checks WCAG 2.2 AA once for each structure of a page, in one of the looks. As the looks rotate, most pages
 * are seen in all of them.
 */
test('no state is too wide, logs an error or has an axe violation', async () => {
  const list = await open('/dev/gallery/', { viewport: PHONE })
  const paths: string[] = await list.evaluate(
    '[...document.querySelectorAll("main .rows a")].map((link) => link.pathname)',
  )
  assert.ok(paths.length > 200, `${paths.length} states`)
  const pages = new Set(paths.map((path) => dirname(path)))
  assert.ok(pages.size > 30, `${pages.size} pages`)
  const found: string[] = []
  const waiting = ['/dev/gallery/', ...paths].values()
  const structures = new Set<string>()
  await Promise.all([0, 1].map(() => lookAt(waiting, structures, found)))
  assert.ok(structures.size > 100, `${structures.size} structures`)
  assert.equal(found, [])
})

/** Checks the next waiting path until none is left. Several run at once. */
async function lookAt(waiting: Iterable<string>, structures: Set<string>, found: string[]): Promise<void> {
  const page = await open('/healthz')
  page.on('console', (message) => {
    if (message.type() === 'error') found.push(`${page.url()}: ${message.text()}`)
  })
  page.on('pageerror', (error) => found.push(`${page.url()}: ${error.message}`))
  for (const path of waiting) {
    await page.goto(path)
    const structure = structureOf(await page.content())
    if (!NO_PAGE.test(path) && !structures.has(structure)) {
      const { viewport, colorScheme } = LOOKS[structures.size % LOOKS.length] ?? LOOKS[0]
      structures.add(structure)
      await page.setViewportSize(viewport)
      await page.emulateMedia({ colorScheme })
      found.push(...(await violations(page)))
    }
    for (const size of [DESKTOP, PHONE]) {
      await page.setViewportSize(size)
      if (await page.evaluate('document.documentElement.scrollWidth > innerWidth'))
        found.push(`${path} is wider than ${size.width} px`)
      if (pictures !== undefined) await keepPicture(page, join(pictures, `${path}${size.width}.png`))
    }
  }
  await page.context().close()
}

async function keepPicture(page: Page, file: string): Promise<void> {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, await page.screenshot({ fullPage: true }))
}

test('axe finds a missing label and low contrast', async () => {
  const page = await open('/dev/gallery/login/empty/')
  await page.evaluate('document.querySelector("main label").remove()')
  await page.evaluate(
    'document.querySelector("h1").style.color = "#777"; document.body.style.background = "#888"',
  )
  const found = (await violations(page)).join('\n')
  for (const rule of ['label', 'color-contrast']) assert.match(found, `: ${rule} at`)
})

test('a button in the gallery can be pressed, and sends nothing', async () => {
  const page = await open('/dev/gallery/logout/empty/')
  const posts: string[] = []
  page.on('request', (request) => posts.push(request.method()))
  const isRefused = page.waitForEvent('console', (message) => /form-action/.test(message.text()))
  await page.evaluate('document.querySelector("main form button").click()')
  await isRefused
  assert.equal(posts, [])
  await page.context().close()
})

test('the mailbox fits a phone, even with a long email address', async () => {
  const email = 'a-rather-long-address-that-does-not-fit@example.com'
  await site().visitor().signUp('Narrow', { email, password: PASSWORD })
  await site().allSent()
  const page = await open('/dev/mailbox/', { viewport: PHONE })
  assert.match(await page.innerText('main'), email)
  assert.is(await page.evaluate('document.documentElement.scrollWidth'), 320)
})

test.run()
