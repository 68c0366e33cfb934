import type { BrowserContextOptions, Page } from 'playwright-core'
import * as assert from 'uvu/assert'
import { PASSWORD } from '../helpers.js'
import { browserSuite, fillIn, messages } from './visit.js'

const { test, site, open } = browserSuite('changing the password, closing the account')

const NEW = 'better horse 43'

/** A browser that is logged in, at `path`. */
async function enter(username: string, path: string, options: BrowserContextOptions): Promise<Page> {
  const page = await open(`/login/?next=${path}`, options)
  await fillIn(page, { username, password: PASSWORD })
  await page.click('main form button')
  await page.waitForSelector('#messages .success')
  await page.goto(path)
  return page
}

async function assertNarrow(page: Page): Promise<void> {
  await page.setViewportSize({ width: 320, height: 640 })
  assert.ok(Number(await page.evaluate('document.documentElement.scrollWidth')) <= 320, page.url())
}

/** Taken for who wants to look at the pages: `LOOK_AT=<folder>`. */
async function picture(page: Page, name: string): Promise<void> {
  const folder = process.env.LOOK_AT
  if (folder !== undefined) await page.screenshot({ path: `${folder}/${name}.png`, fullPage: true })
}

for (const javaScriptEnabled of [true, false]) {
  const kind = javaScriptEnabled ? 'with JavaScript' : 'without JavaScript'

  test(`${kind}: the password is changed, wrongly first`, async () => {
    const username = `Changer ${javaScriptEnabled}`
    await site().visitor().signUp(username)
    const colorScheme = javaScriptEnabled ? 'light' : 'dark'
    const page = await enter(username, '/account/password/', { javaScriptEnabled, colorScheme })
    await picture(page, `password ${kind}`)
    await fillIn(page, { current: 'wrong one', password: 'abc', repassword: 'abd' })
    await page.click('main form button')
    await page.waitForSelector('#messages .error')
    assert.equal(await messages(page), ['⚠ Password: at least 6 characters.', '⚠ The two passwords differ.'])
    await picture(page, `password wrong ${kind}`)
    await assertNarrow(page)
    await picture(page, `password narrow ${kind}`)
    await page.click('#messages a')
    assert.is(await page.evaluate('document.activeElement.id'), 'password')

    await fillIn(page, { current: PASSWORD, password: NEW, repassword: NEW })
    await page.click('main form button')
    await page.waitForSelector(javaScriptEnabled ? '#messages .success' : '#messages :is(.success, .error)')
    if (javaScriptEnabled) {
      assert.equal(await messages(page), ['✔ Your password is changed.'])
      for (const field of ['current', 'password', 'repassword']) {
        assert.is(await page.locator(`#${field}`).getAttribute('aria-invalid'), null)
      }
    }
    await page.goto('/account/devices/')
    assert.is(new URL(page.url()).pathname, '/account/devices/', 'this browser is still logged in')
    assert.is((await site().visitor().logIn(username, { password: NEW })).status, 303)
  })

  test(`${kind}: the account is closed, and taken back by the link in another browser`, async () => {
    const username = `Closer ${javaScriptEnabled}`
    const colorScheme = javaScriptEnabled ? 'light' : 'dark'
    await site().visitor().signUp(username)
    const page = await enter(username, '/account/close/', { javaScriptEnabled, colorScheme })
    await site().emptyMailbox()
    await picture(page, `close ${kind}`)
    await assertNarrow(page)
    await picture(page, `close narrow ${kind}`)
    await page.getByRole('button', { name: 'Close the account' }).click()
    await page.waitForURL(`${site().address}/`)
    assert.match((await messages(page)).join(), 'Your account is closed, and will be erased in 14 days.')
    await picture(page, `closed narrow ${kind}`)

    const { link } = await site().mail()
    const phone = await open(link, { javaScriptEnabled, colorScheme })
    assert.is(new URL(phone.url()).pathname, '/account/close/undo/')
    await picture(phone, `undo ${kind}`)
    await assertNarrow(phone)
    await phone.getByRole('button', { name: 'Take the account back' }).click()
    await phone.waitForSelector('#messages .success')
    assert.equal(await messages(phone), ['✔ Your account is open again, nothing will be erased. Now log in.'])
    await picture(phone, `undone narrow ${kind}`)
    assert.is(await phone.inputValue('#username'), username)
    await phone.fill('#password', PASSWORD)
    await phone.click('main form button')
    // The former message stands there until the answer comes.
    await phone.locator('#messages .success', { hasText: 'You are logged in.' }).waitFor()
    assert.equal(await messages(phone), ['✔ You are logged in.'])

    await page.goto(link)
    assert.match((await messages(page)).join(), 'Your account is open, nothing will be erased.')
  })
}

test.run()
