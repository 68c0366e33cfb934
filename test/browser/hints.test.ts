import type { Page, Request, Route } from 'playwright-core'
import * as assert from 'uvu/assert'
import { PASSWORD } from '../support/helpers.js'
import { browserSuite, fillIn, messages, pressForResponse } from './visit.js'

const { test, site, open } = browserSuite('hints')

test.before(async () => {
  await site().visitor().signUp('Taken')
})

function hint(page: Page, name: string): Promise<string> {
  return page.locator(`#${name}-hints`).innerText()
}

async function untilHint(page: Page, name: string, text: string): Promise<void> {
  await page.locator(`#${name}-hints`).getByText(text).waitFor()
}

test('a hint moves no field, and keeps text, caret and focus', async () => {
  const page = await open('/signup/')
  const complaints: string[] = []
  page.on('console', (message) => complaints.push(message.text()))
  page.on('pageerror', (error) => complaints.push(error.message))
  const tops = '[...document.querySelectorAll("main input")].map((input) => input.offsetTop).join()'
  const before = await page.evaluate(tops)
  await page.locator('#username').pressSequentially('Taken')
  await page.evaluate('document.querySelector("#username").setSelectionRange(2, 2)')
  await untilHint(page, 'username', 'This username is already taken. Taken2 is available.')
  assert.is(await page.evaluate('document.activeElement.id'), 'username')
  assert.is(await page.evaluate('document.activeElement.selectionStart'), 2)
  assert.is(await page.getAttribute('#username', 'aria-invalid'), null, 'a hint is not an error')
  await page.fill('#email', 'anna@gmial.com')
  await untilHint(page, 'email', 'Did you mean anna@gmail.com?')
  await page.fill('#password', 'sunshine!')
  await page.waitForSelector('#password-hints meter')
  await page.fill('#password', PASSWORD)
  await untilHint(page, 'password', 'Strong')
  assert.is(await page.evaluate(tops), before)
  assert.is(await page.inputValue('#password'), PASSWORD)
  assert.equal(await messages(page), [])
  assert.equal(complaints, [])
})

test('a hint is announced politely once, and describes its field', async () => {
  const page = await open('/signup/')
  await page.fill('#username', 'Taken')
  await untilHint(page, 'username', 'Taken2 is available.')
  await page.evaluate(`
    window.changes = []
    new MutationObserver((all) => window.changes.push(...all.map(({ type }) => type)))
      .observe(document.querySelector('#username-hints'), { subtree: true, childList: true, characterData: true })`)
  await page.fill('#password', PASSWORD)
  await untilHint(page, 'password', 'Strong')
  assert.equal(await page.evaluate('window.changes'), [], 'a hint that stays the same is not announced again')

  const client = await page.context().newCDPSession(page)
  const { nodes } = await client.send('Accessibility.getFullAXTree')
  const field = nodes.find(({ role, name }) => role?.value === 'textbox' && name?.value === 'Username')
  assert.match(field?.description?.value ?? '', 'Taken2 is available.')
  const slots = nodes.filter(({ role }) => role?.value === 'status')
  assert.is(slots.length, 4, 'the message box and three hints')
  for (const { properties } of slots)
    assert.ok(properties?.some(({ name, value }) => name === 'live' && value.value === 'polite'))
  const meter = nodes.find(({ role }) => role?.value === 'meter')
  assert.is(meter?.name?.value, 'Password strength')
})

test('a hint waits for a pause, and a late one never replaces a newer one', async () => {
  const page = await open('/signup/')
  const held: Route[] = []
  const isAsked = new Promise<void>((asked) => {
    void page.route('**/hints/', async (route) => {
      held.push(route)
      if (held.length > 1) await route.continue()
      asked()
    })
  })
  await page.locator('#username').pressSequentially('Taken', { delay: 20 })
  await isAsked
  assert.is(held.length, 1, 'one request for five keys')
  await page.locator('#username').pressSequentially('!')
  await untilHint(page, 'username', 'can only include letters')
  await held[0]?.continue().catch(() => {})
  assert.match(await hint(page, 'username'), 'can only include letters')
})

test('a mistyped domain gets a hint while typing, and again on success', async () => {
  await site().visitor().signUp('Mover')
  const page = await open('/login/?next=/account/email/')
  await fillIn(page, { username: 'Mover', password: PASSWORD })
  await pressForResponse(page)
  await page.goto('/account/email/')
  let questions = 0
  page.on('request', (request) => {
    if (request.url().endsWith('/account/email/hints/')) questions += 1
  })
  await page.locator('#email').pressSequentially('mover@gmial.com')
  await untilHint(page, 'email', 'Did you mean mover@gmail.com?')
  assert.ok(questions < 5, `${questions} requests`)
  await pressForResponse(page)
  assert.match(await page.locator('#messages').innerText(), 'Did you mean mover@gmail.com?')
  await page.click('#messages a')
  assert.is(await page.evaluate('document.activeElement.id'), 'email')
})

test('a hint does not repeat the errors of the form', async () => {
  const page = await open('/signup/')
  await fillIn(page, { username: 'Taken', email: 'anna@example.com', password: 'abc', repassword: 'abc' })
  await pressForResponse(page)
  await page.fill('#username', 'taken')
  // A string would match in upper case, too.
  await page
    .locator('#username-hints')
    .getByText(/taken2 is available/)
    .waitFor()
  assert.is((await hint(page, 'username')).trim(), 'taken2 is available.')
  assert.ok(!(await page.locator('#password-hints').isVisible()))
})

test('hints do not delay the form, and disappear after success', async () => {
  const page = await open('/signup/')
  await page.route('**/hints/', () => {})
  const typed = {
    username: 'Hurried',
    email: 'hurried@example.com',
    password: PASSWORD,
    repassword: PASSWORD,
  }
  await fillIn(page, typed)
  await page.waitForRequest('**/hints/')
  await pressForResponse(page)
  assert.match((await messages(page)).join(), 'Your account Hurried is ready')
  assert.equal(await said(page), '')
})

/** Delays every request for a hint until `release`. `ended` resolves when the first one has finished or failed. */
async function hold(
  page: Page,
): Promise<{ asked: Promise<unknown>; release(): void; ended: Promise<unknown> }> {
  let release = () => {}
  const released = new Promise<void>((resolve) => {
    release = resolve
  })
  await page.route('**/hints/', async (route) => {
    await released
    await route.continue().catch(() => {})
  })
  const isOne = (request: Request) => request.url().endsWith('/hints/')
  const ends = [page.waitForEvent('requestfinished', isOne), page.waitForEvent('requestfailed', isOne)]
  return { asked: page.waitForRequest('**/hints/'), release, ended: Promise.any(ends) }
}

async function said(page: Page): Promise<string> {
  return (await page.locator('.hints').allInnerTexts()).join('')
}

test('no hint appears beside or after a success', async () => {
  const page = await open('/signup/')
  const { asked, release, ended } = await hold(page)
  await fillIn(page, {
    username: 'Late',
    email: 'late@example.com',
    password: PASSWORD,
    repassword: PASSWORD,
  })
  await asked
  await pressForResponse(page)
  assert.match((await messages(page)).join(), 'Your account Late is ready')
  release()
  await ended
  assert.is(await said(page), '')

  const response = page.waitForResponse('**/hints/')
  await page.locator('#username').pressSequentially('st')
  await (await response).finished()
  assert.is(await said(page), '')
  assert.match((await messages(page)).join(), 'Your account Late is ready')
})

test('a late hint does not replace the hint of the refused form', async () => {
  const page = await open('/signup/')
  const { asked, release, ended } = await hold(page)
  await fillIn(page, { email: 'unhurried@example.com', password: PASSWORD, repassword: 'another' })
  await page.fill('#username', 'Taken')
  await asked
  // Like a password manager: no key is pressed.
  await page.evaluate("document.querySelector('#username').value = 'Unhurried'")
  await pressForResponse(page)
  assert.equal(await messages(page), ['⚠ The passwords do not match. Enter the same one twice.'])
  release()
  await ended
  assert.match(await hint(page, 'username'), 'This username is available.')
  await page.fill('#username', 'Unhurried!')
  await untilHint(page, 'username', 'can only include letters')
})

test.run()
