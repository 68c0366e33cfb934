import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Page } from 'playwright-core'
import * as assert from 'uvu/assert'
import { PASSWORD } from '../support/helpers.js'
import { LOOKS, PHONE, violations } from './axe.js'
import { browserSuite } from './visit.js'

/** A folder for pictures of every state, to be looked at. */
const pictures = process.env.PICTURES

const DESKTOP = { width: 1280, height: 800 }
/** What htmx gets is looked at where it belongs, in the real pages; mails as text are one page again and again. */
const NO_PAGE = /\/(?:htmx-.*|(?:.*-)?text)\/$/

/** Words that are not empty, and values: axe finds the same in pages that are alike but for these. */
const WORDS = />[^<]*\S[^<]*</g
const VALUES = /\b(value|href|action|datetime|data-hx-[a-z]+)="[^"]+"/g

const { test, site, open } = browserSuite('the gallery', { environment: { NODE_ENV: 'development' } })

/*
 * WCAG 2.2 AA, as far as axe-core can tell, is held for each structure of a page in one look, and for most pages, whose
 * structures follow one another, in all of them.
 */
test('no page or mail is wider than the screen in any state, complains, or has a violation', async () => {
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

/** Together they look at all of them; each takes the next. */
async function lookAt(waiting: Iterable<string>, structures: Set<string>, found: string[]): Promise<void> {
  const page = await open('/healthz')
  page.on('console', (message) => {
    if (message.type() === 'error') found.push(`${page.url()}: ${message.text()}`)
  })
  page.on('pageerror', (error) => found.push(`${page.url()}: ${error.message}`))
  for (const path of waiting) {
    await page.goto(path)
    const structure = (await page.content()).replaceAll(WORDS, '>x<').replaceAll(VALUES, '$1="x"')
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

test('what is wrong is found', async () => {
  const page = await open('/dev/gallery/login/empty/')
  await page.evaluate('document.querySelector("main label").remove()')
  await page.evaluate(
    'document.querySelector("h1").style.color = "#777"; document.body.style.background = "#888"',
  )
  const found = (await violations(page)).join('\n')
  for (const rule of ['label', 'color-contrast']) assert.match(found, `: ${rule} at`)
})

test('a form on it can be pressed, and sends nothing', async () => {
  const page = await open('/dev/gallery/logout/empty/')
  const posts: string[] = []
  page.on('request', (request) => posts.push(request.method()))
  const isRefused = page.waitForEvent('console', (message) => /form-action/.test(message.text()))
  await page.evaluate('document.querySelector("main form button").click()')
  await isRefused
  assert.equal(posts, [])
  await page.context().close()
})

test('the mailbox fits a phone, whatever the length of an address', async () => {
  const email = 'a-rather-long-address-that-does-not-fit@example.com'
  await site().visitor().signUp('Narrow', { email, password: PASSWORD })
  await site().allSent()
  const page = await open('/dev/mailbox/', { viewport: PHONE })
  assert.match(await page.innerText('main'), email)
  assert.is(await page.evaluate('document.documentElement.scrollWidth'), 320)
})

test.run()
