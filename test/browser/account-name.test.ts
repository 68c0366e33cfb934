import type { BrowserContextOptions, Page } from 'playwright-core'
import * as assert from 'uvu/assert'
import { PASSWORD } from '../support/helpers.js'
import { browserSuite, messages, pressForResponse } from './visit.js'

const { test, site, open } = browserSuite('username and data')

const PAGES = ['/account/', '/account/name/', '/account/export/']

/** Logs in in a new browser window, and opens the home page. */
async function enter(username: string, options: BrowserContextOptions = {}): Promise<Page> {
  const page = await open('/login/', options)
  await page.fill('#username', username)
  await page.fill('#password', PASSWORD)
  await page.click('main form button')
  await page.waitForSelector('#messages .success')
  await page.goto('/')
  return page
}

/** Presses the form's button, and returns the messages of this page or the next. */
async function press(page: Page): Promise<string[]> {
  await pressForResponse(page)
  return messages(page)
}

for (const javaScriptEnabled of [true, false]) {
  const kind = javaScriptEnabled ? 'with JavaScript' : 'without JavaScript'

  test(`${kind}: a username is changed from the header, after an error`, async () => {
    const username = `Browser ${javaScriptEnabled}`
    await site().visitor().signUp(username)
    await site().visitor().signUp(`Taken ${javaScriptEnabled}`)
    const page = await enter(username, { javaScriptEnabled })
    await page.getByRole('link', { name: username, exact: true }).click()
    await page.waitForURL('**/account/')
    await page.locator('main').getByRole('link', { name: 'Change username' }).click()
    await page.waitForURL('**/account/name/')
    assert.is(await page.inputValue('#username'), username)

    await page.fill('#username', `taken ${javaScriptEnabled}`)
    assert.equal(await press(page), ['⚠ This username is already taken.'])
    assert.is(await page.inputValue('#username'), `taken ${javaScriptEnabled}`)
    assert.is(await page.getAttribute('#username', 'aria-invalid'), 'true')
    assert.is(await page.locator('#username-error').innerText(), 'This username is already taken.')
    await page.click('#messages a')
    assert.is(await page.evaluate('document.activeElement.id'), 'username')

    await page.fill('#username', `Слава ${javaScriptEnabled}`)
    assert.equal(await press(page), [`✔ Your username is now Слава ${javaScriptEnabled}.`])
    if (javaScriptEnabled) {
      assert.is(await page.getAttribute('#username', 'aria-invalid'), null)
      assert.is(await page.inputValue('#username'), `Слава ${javaScriptEnabled}`)
    }
    await page.waitForURL('**/account/')
    assert.is(await page.locator('header bdi').innerText(), `Слава ${javaScriptEnabled}`)
    await page.getByRole('link', { name: 'Your public page' }).click()
    await page.waitForURL(`**/users/slava-${javaScriptEnabled}/`)
    await page.goto(`/users/browser-${javaScriptEnabled}/`)
    assert.is(new URL(page.url()).pathname, `/users/slava-${javaScriptEnabled}/`)
  })

  test(`${kind}: the data are shown, and downloaded with one click`, async () => {
    const username = `Reader ${javaScriptEnabled}`
    await site().visitor().signUp(username)
    const page = await enter(username, { javaScriptEnabled })
    await page.goto('/account/')
    await page.locator('main').getByRole('link', { name: 'Your data' }).click()
    await page.waitForURL('**/account/export/')
    assert.match(await page.locator('main').innerText(), username)
    const downloading = page.waitForEvent('download')
    await page.getByRole('link', { name: 'Download as JSON' }).click()
    const download = await downloading
    assert.is(download.suggestedFilename(), `gatehouse-reader-${javaScriptEnabled}.json`)
    const chunks: Buffer[] = []
    for await (const chunk of await download.createReadStream()) chunks.push(chunk)
    assert.is(JSON.parse(Buffer.concat(chunks).toString()).account.name, username)
    assert.is(new URL(page.url()).pathname, '/account/export/')
  })
}

test('no page is wider than a small phone, and every link is 24 px high', async () => {
  const name = 'W'.repeat(25)
  await site()
    .visitor()
    .signUp(name, { email: `${'w'.repeat(60)}@${'w'.repeat(60)}.example.com` })
  const page = await enter(name, { viewport: { width: 320, height: 640 }, userAgent: 'x'.repeat(512) })
  await page.goto('/account/name/')
  await page.fill('#username', 'M'.repeat(25))
  await press(page)
  for (const path of PAGES) {
    await page.goto(path)
    assert.is(await page.evaluate('document.documentElement.scrollWidth > innerWidth'), false, path)
    const small = await page.evaluate(
      '[...document.querySelectorAll("main a")].filter((a) => a.getBoundingClientRect().height < 24).length',
    )
    assert.is(small, 0, path)
  }
})

test('no heading level is skipped, and each link on a page has its own name', async () => {
  await site().visitor().signUp('Heard')
  const page = await enter('Heard')
  for (const path of PAGES) {
    await page.goto(path)
    assert.is(await page.locator('h1').count(), 1)
    assert.is(await page.locator('main :is(h3, h4)').count(), 0)
    const names = await page.locator('main a').allInnerTexts()
    assert.is(new Set(names).size, names.length, names.join())
  }
})

test.run()
