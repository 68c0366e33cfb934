import type { Page } from 'playwright-core'
import * as assert from 'uvu/assert'
import { PASSWORD, Site } from '../support/helpers.js'
import { browserSuite, fillIn, pressForPage } from './visit.js'

const { test, site, open } = browserSuite('the account’s navigation')

const PAGES = [
  '/account/name/',
  '/account/passkeys/',
  '/account/email/',
  '/account/password/',
  '/account/two-step/',
  '/account/devices/',
  '/account/activity/',
  '/account/export/',
  '/account/close/',
]

async function enter(width: number): Promise<Page> {
  const page = await open('/login/', { viewport: { width, height: 800 }, javaScriptEnabled: false })
  await fillIn(page, { username: 'Settled', password: PASSWORD })
  await pressForPage(page)
  return page
}

test.before(async () => {
  await site().visitor().signUp('Settled')
})

function shownLinks(page: Page): Promise<string[]> {
  return page.evaluate(
    '[...document.querySelectorAll(".sections a")].filter((link) => link.checkVisibility()).map((link) => link.pathname)',
  )
}

function place(
  page: Page,
  selector: string,
): Promise<{ x: number; y: number; width: number; height: number }> {
  return page.evaluate(`document.querySelector("${selector}").getBoundingClientRect().toJSON()`)
}

test('from 900 px on it is beside each page, and marks the current one', async () => {
  const page = await enter(900)
  for (const path of ['/account/', ...PAGES]) {
    await page.goto(path)
    assert.equal((await shownLinks(page)).sort(), ['/account/', ...PAGES].sort(), path)
    const current = page.locator('.sections [aria-current=page]')
    assert.is(await current.getAttribute('href'), path)
    const [nav, main] = [await place(page, '.sections'), await place(page, 'main')]
    assert.ok(nav.x + nav.width < main.x, `${path}: ${nav.x + nav.width} and ${main.x}`)
  }
})

test('below 900 px it is one line above the page, with a link back', async () => {
  for (const width of [899, 320]) {
    const page = await enter(width)
    for (const path of PAGES) {
      await page.goto(path)
      assert.equal(await shownLinks(page), ['/account/', path])
      const [nav, main] = [await place(page, '.sections'), await place(page, 'main')]
      assert.ok(nav.height <= 48 && nav.y + nav.height <= main.y, `${path}: ${nav.height} px`)
    }
    await page.goto('/account/')
    assert.equal(await shownLinks(page), [], 'the account page itself has all links')
  }
})

test('it has no links to disabled features, and no empty groups', async () => {
  const other = await Site.start({ features: { 'account/export': false, 'account/close': false } })
  const page = await (await other.visitor().settle('Few')).open('/account/')
  for (const place of ['.sections', 'main']) {
    assert.is(page.$(`${place} a[href="/account/password/"]`).length, 1)
    assert.is(page.$(`${place} a[href="/account/export/"]`).length, 0)
    assert.not.match(page.$(place).text(), 'Data')
  }
  await other.close()
})

test.run()
