import type { BrowserContextOptions, Page } from 'playwright-core'
import * as assert from 'uvu/assert'
import { PASSWORD } from '../support/helpers.js'
import { browserSuite, messages, pressForPage } from './visit.js'

const { test, site, open } = browserSuite('devices and activity')

const PATH = '/account/devices/'
const IPHONE =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1'

/** Logs in in a new browser window, and opens the list of devices. */
async function enter(username: string, options: BrowserContextOptions = {}): Promise<Page> {
  const page = await open(`/login/?next=${PATH}`, options)
  await page.fill('#username', username)
  await page.fill('#password', PASSWORD)
  await page.click('main form button')
  await page.waitForSelector('#messages .success')
  await page.goto(PATH)
  return page
}

/** Returns a row of the list. Place 0 is this device. */
function row(page: Page, place: number) {
  return page.locator('.rows > li').nth(place)
}

function input(page: Page, place: number) {
  return row(page, place).locator('input[name=name]')
}

async function focused(page: Page): Promise<unknown> {
  return page.evaluate('document.activeElement.id')
}

/** Presses a button, and returns the messages of this page or the next. */
async function press(page: Page, place: number | 'all', button: string): Promise<string[]> {
  await page.evaluate('document.querySelector("#messages > *")?.setAttribute("data-former", "")')
  const within = place === 'all' ? page.locator('#devices') : row(page, place)
  await within.getByRole('button', { name: new RegExp(`^${button}`) }).click()
  await page.waitForSelector('#messages > :not([data-former])')
  return messages(page)
}

for (const javaScriptEnabled of [true, false]) {
  const kind = javaScriptEnabled ? 'with JavaScript' : 'without JavaScript'

  test(`${kind}: a device is named and logged out, then all others`, async () => {
    const username = `Browser ${javaScriptEnabled}`
    await site().visitor().signUp(username)
    const page = await enter(username, { javaScriptEnabled })
    const phone = await enter(username, { userAgent: IPHONE })
    await page.reload()
    assert.is(await row(page, 1).locator('h2').innerText(), 'Safari on iPhone')

    await input(page, 1).fill('x'.repeat(41))
    assert.equal(await press(page, 1, 'Save'), ['⚠ Name must be 40 characters or fewer.'])
    assert.is(await input(page, 1).inputValue(), 'x'.repeat(41))
    assert.is(await input(page, 1).getAttribute('aria-invalid'), 'true')
    assert.is(await row(page, 1).locator('.error-text').innerText(), 'Name must be 40 characters or fewer.')
    await page.click('#messages a')
    assert.is(await focused(page), await input(page, 1).getAttribute('id'))

    await input(page, 1).fill('Телефон')
    assert.equal(await press(page, 1, 'Save'), ['✔ The device is now called Телефон.'])
    assert.is(await row(page, 1).locator('h2').innerText(), 'Телефон')
    assert.is(await input(page, 1).inputValue(), 'Телефон')
    assert.is(await input(page, 1).getAttribute('aria-invalid'), null)

    assert.equal(await press(page, 1, 'Log out'), ['✔ The device is now logged out.'])
    assert.is(await page.locator('.rows > li').count(), 1)
    assert.is(await page.locator('#devices > form').count(), 0)
    await phone.goto(PATH)
    assert.is(new URL(phone.url()).pathname, '/login/')

    const others = [await enter(username, { userAgent: IPHONE }), await enter(username)]
    await page.goto(PATH)
    assert.equal(await press(page, 'all', 'Log out all other devices'), [
      '✔ All other devices are now logged out (2).',
    ])
    assert.is(await page.locator('.rows > li').count(), 1)
    for (const other of others) {
      await other.reload()
      assert.is(new URL(other.url()).pathname, '/login/')
    }
    await row(page, 0).getByRole('button', { name: 'Log out' }).click()
    await page.waitForURL(`${site().address}/`)
    assert.equal(await messages(page), ['✔ You are logged out.'])
  })
}

test('saving a row or logging it out keeps what is typed in the others', async () => {
  await site().visitor().signUp('Typist')
  for (const _ of [1, 2, 3]) await site().visitor().logIn('Typist')
  const page = await enter('Typist')
  await input(page, 1).fill('half typed')
  await input(page, 2).fill('x'.repeat(41))
  await press(page, 2, 'Save')
  await input(page, 0).fill('Mine')
  assert.equal(await press(page, 0, 'Save'), ['✔ The device is now called Mine.'])
  assert.is(await input(page, 2).inputValue(), 'x'.repeat(41), 'so does a refused name')
  assert.is(await input(page, 2).getAttribute('aria-invalid'), null)
  await press(page, 3, 'Log out')
  assert.is(await input(page, 1).inputValue(), 'half typed')
  assert.equal(await press(page, 1, 'Save'), ['✔ The device is now called half typed.'])
  await page.reload()
  assert.is(await input(page, 1).inputValue(), 'half typed')
})

test('text and focus stay while a response arrives in another row', async () => {
  await site().visitor().signUp('Hasty')
  await site().visitor().logIn('Hasty')
  const page = await enter('Hasty')
  await page.route('**/name/', async (route) => {
    await new Promise((done) => setTimeout(done, 500))
    await route.continue()
  })
  await input(page, 0).fill('Mine')
  await input(page, 0).press('Enter')
  await input(page, 1).pressSequentially('Theirs')
  await page.waitForSelector('#messages .success')
  assert.is(await row(page, 0).locator('h2').innerText(), 'Mine')
  assert.is(await input(page, 1).inputValue(), 'Theirs')
  assert.is(await focused(page), await input(page, 1).getAttribute('id'))
})

test('logging out a device moves the focus to the next row, without a jump', async () => {
  await site().visitor().signUp('Focused')
  for (const _ of Array(12)) await site().visitor().logIn('Focused')
  const page = await enter('Focused', { viewport: { width: 390, height: 700 } })
  const next = await row(page, 9).getAttribute('id')
  const button = row(page, 8).getByRole('button', { name: 'Log out' })
  await button.focus()
  const before = Number(await page.evaluate('scrollY'))
  await page.keyboard.press('Enter')
  await page.waitForSelector('#messages .success')
  assert.is(await focused(page), next)
  assert.ok(Math.abs(Number(await page.evaluate('scrollY')) - before) < 400)
  const box = await page.locator('#messages .success').boundingBox()
  assert.ok(box !== null && box.y >= 0 && box.y < 300, 'the message is in view')

  const last = await row(page, 11).getAttribute('id')
  assert.is(await page.locator('.rows > li').count(), 12)
  await press(page, 11, 'Log out')
  assert.is.not(await focused(page), last)
  assert.is(await focused(page), await row(page, 10).getAttribute('id'))
})

test('every button and input has its own accessible name', async () => {
  await site().visitor().signUp('Heard')
  for (const _ of [1, 2, 3]) await site().visitor().logIn('Heard')
  const page = await enter('Heard')
  const client = await page.context().newCDPSession(page)
  const { nodes } = await client.send('Accessibility.getFullAXTree')
  const names = nodes
    .filter(({ role }) => ['button', 'textbox'].includes(String(role?.value)))
    .map(({ name }) => String(name?.value))
  assert.is(names.length, 1 + 4 * 3)
  assert.is(new Set(names).size, names.length, names.join(', '))
  assert.ok(names.includes('Log out Unknown device (2)'), names.join(', '))
})

test('the activity lists the latest events, and links to the devices', async () => {
  await site().visitor().signUp('Active')
  const page = await enter('Active')
  await input(page, 0).fill('Mine')
  await press(page, 0, 'Save')
  await pressForPage(page, 'main a[href="/account/activity/"]')
  assert.equal(await page.locator('.rows h2').allInnerTexts(), [
    'Device named: Mine',
    'Logged in',
    'Signed up',
  ])
  await pressForPage(page, `main a[href="${PATH}"]`)
  assert.is(await row(page, 0).locator('h2').innerText(), 'Mine')
})

test.run()
