import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { BrowserContextOptions, Page } from 'playwright-core'
import * as assert from 'uvu/assert'
import { root } from '../../src/base/package.js'
import { adminOf } from '../support/admin.js'
import { PASSWORD } from '../support/helpers.js'
import { codeAt } from '../support/second-step.js'
import { PHONE, violationsInBothLights } from './axe.js'
import { follow, tabTo, type } from './keys.js'
import { browserSuite } from './visit.js'

const { test, site, open } = browserSuite('admin pages, with the keyboard only')
const RUSSIAN: { texts: Record<string, string> } = JSON.parse(
  readFileSync(join(root, 'templates/languages/ru.json'), 'utf8'),
)

/** Logs in as an admin with both steps. */
async function enter(secret: string, options: BrowserContextOptions): Promise<Page> {
  // A login after the last one, with a code that was not used.
  site().clock.advance(30_000)
  const page = await open('/login/', options)
  await type(page, { username: 'Anna', password: PASSWORD })
  await page.keyboard.press('Enter')
  await page.waitForURL((url) => url.pathname === '/login/two-step/')
  await type(page, { code: codeAt(secret, site().clock.time) })
  await page.keyboard.press('Enter')
  await page.waitForURL((url) => url.pathname === '/')
  return page
}

let secret = ''
test.before(async () => {
  secret = (await adminOf(site(), 'Anna')).secret
  await site().visitor().signUp('Bert')
})

for (const locale of ['en', 'ru'])
  for (const javaScriptEnabled of [false, true]) {
    const how = `${locale}, JavaScript ${javaScriptEnabled ? 'on' : 'off'}`
    test(`${how}: an admin finds a user, disables and enables the account`, async () => {
      const words = (english: string) => (locale === 'ru' ? (RUSSIAN.texts[english] ?? '') : english)
      const found: string[] = []
      const page = await enter(secret, { locale, javaScriptEnabled, viewport: PHONE })
      // axe needs scripts.
      const look = async () => {
        assert.is(await page.evaluate('document.documentElement.scrollWidth'), PHONE.width)
        if (javaScriptEnabled) found.push(...(await violationsInBothLights(page)))
      }
      await follow(page, 'nav a[href="/admin/"]', '/admin/')
      assert.is(await page.innerText('h1'), words('Overview'))
      await tabTo(page, 'summary')
      await page.keyboard.press('Enter')
      assert.ok(await page.isVisible('details[open] table'))
      await look()
      // Tab goes on from here, and not back to the navigation.
      await page.reload()
      await follow(page, 'main a[href="/admin/users/"]', '/admin/users/')
      await type(page, { q: 'ber' })
      await page.keyboard.press('Enter')
      await page.waitForURL((url) => url.searchParams.get('q') === 'ber')
      await look()
      await tabTo(page, '.rows h2 a')
      assert.is(await page.evaluate('document.activeElement.textContent'), 'Bert')
      await page.keyboard.press('Enter')
      await page.waitForURL(/\/admin\/users\/[\w-]{36}\/$/)
      const person = new URL(page.url()).pathname
      await look()
      for (const action of ['disable', 'enable']) {
        await follow(page, `a[href="${person}${action}/"]`, `${person}${action}/`)
        await look()
        await type(page, { reason: how })
        await page.keyboard.press('Enter')
        await page.waitForURL((url) => url.pathname === person)
        await page.waitForSelector('#messages .success')
        const isDisabled = action === 'disable'
        const tag = page.locator('main .tag', { hasText: words('Disabled') })
        assert.is(await tag.count(), isDisabled ? 1 : 0)
        await look()
      }
      await page.reload()
      await follow(page, 'nav a[href="/admin/activity/"]', '/admin/activity/')
      assert.match(await page.innerText('.rows'), how)
      await look()
      assert.equal(found, [])
      const done = await site().rows('select kind from operator_actions where reason = ? order by id', how)
      assert.equal(done, [{ kind: 'account_disabled' }, { kind: 'account_enabled' }])
      await page.context().close()
    })
  }

test.run()
