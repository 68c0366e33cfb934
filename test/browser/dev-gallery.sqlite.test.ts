import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Page } from 'playwright-core'
import * as assert from 'uvu/assert'
import { browserSuite } from './visit.js'

/** Where the pictures lie: one of each page, or in the folder that PICTURES names one of each state, to be looked at. */
const kept = process.env.PICTURES
const folder = kept ?? mkdtempSync(join(tmpdir(), 'gatehouse-gallery-'))

const PHONE = 320
const WIDTHS = [1280, PHONE]
const HEIGHT = 800

const { test, open } = browserSuite('the gallery')

test.after(() => {
  if (kept === undefined) rmSync(folder, { recursive: true })
})

test('no page is wider than the screen in any state, and none complains', async () => {
  const page = await open('/dev/gallery/', { viewport: { width: PHONE, height: HEIGHT } })
  const complaints: string[] = []
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(`${page.url()}: ${message.text()}`)
  })
  page.on('pageerror', (error) => complaints.push(`${page.url()}: ${error.message}`))
  const paths = await pathsOn(page)
  const pages = new Set<string>()
  const wide: string[] = []
  for (const path of ['/dev/gallery/', ...paths]) {
    await page.goto(path)
    const isFirst = !pages.has(dirname(path))
    pages.add(dirname(path))
    const isPictured = isFirst || kept !== undefined
    // What a phone has room for, a desktop has.
    for (const width of isPictured ? WIDTHS : [PHONE]) {
      await page.setViewportSize({ width, height: HEIGHT })
      if (await isTooWide(page)) wide.push(`${path} at ${width} px`)
      if (isPictured) await keepPicture(page, `${path}${width}.png`)
    }
  }
  assert.ok(pages.size > 30, `${pages.size} pages`)
  assert.equal(wide, [])
  assert.equal(complaints, [])
  await page.context().close()
})

function pathsOn(page: Page): Promise<string[]> {
  return page.evaluate('[...document.querySelectorAll("main .rows a")].map((link) => link.pathname)')
}

async function isTooWide(page: Page): Promise<boolean> {
  return page.evaluate('document.documentElement.scrollWidth > innerWidth')
}

async function keepPicture(page: Page, name: string): Promise<void> {
  const file = join(folder, name.replace('/dev/gallery/', ''))
  const picture = await page.screenshot({ fullPage: true })
  assert.ok(picture.length > 1_000, `there is something in ${name}`)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, picture)
}

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

test.run()
