import type { Page, Request } from 'playwright-core'
import * as assert from 'uvu/assert'
import { PASSWORD } from '../support/helpers.js'
import { browserSuite, fillIn, messages, pressForResponse } from './visit.js'

const { test, site, open } = browserSuite('a browser with JavaScript')

/** Opens a page that collects script errors, violations of the security policy and unexpected failures. */
async function watch(path: string): Promise<{ page: Page; complaints: string[]; navigations: () => number }> {
  const page = await open('/healthz')
  const complaints: string[] = []
  let navigations = 0
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('console', (message) => {
    // Chromium logs every 4xx. These are expected.
    const expected = /^Failed to load resource: the server responded with a status of (403|406|503)/.test(
      message.text(),
    )
    if (!expected && ['error', 'warning'].includes(message.type())) complaints.push(message.text())
  })
  page.on('request', (request: Request) => {
    if (request.isNavigationRequest()) navigations += 1
  })
  await page.goto(path)
  return { page, complaints, navigations: () => navigations }
}

test('sign-up shows all errors without a page load, then leads home', async () => {
  const { page, complaints, navigations } = await watch('/signup/')
  await pressForResponse(page)
  assert.is((await messages(page)).length, 4)
  assert.is(await page.getAttribute('#username', 'aria-invalid'), 'true')

  await fillIn(page, { username: 'Wanda', email: 'wanda', password: 'password', repassword: 'password2' })
  await pressForResponse(page)
  assert.equal(await messages(page), [
    '⚠ Enter an email address like name@example.com.',
    '⚠ This password is too common. Choose one that is harder to guess.',
    '⚠ The passwords do not match. Enter the same one twice.',
  ])
  assert.is(
    await page.getAttribute('#username', 'aria-invalid'),
    null,
    'the error of a corrected field is removed',
  )
  assert.is(await page.inputValue('#password'), 'password', 'the input keeps what was typed')

  await page.click('#messages a[href="#email"]')
  assert.is(await page.evaluate('document.activeElement.id'), 'email')

  await fillIn(page, { email: 'wanda@example.com', password: PASSWORD, repassword: PASSWORD })
  await pressForResponse(page)
  assert.equal(await messages(page), ['✔ Your account Wanda is ready. Log in'])
  assert.is(await page.getAttribute('#email', 'aria-invalid'), null)
  assert.is(navigations(), 1, 'no second page was loaded')

  const start = Date.now()
  await page.waitForURL(`${site().address}/`)
  const waited = Date.now() - start
  assert.ok(waited > 1500 && waited < 6000, `it continued after ${waited} ms`)
  assert.match(await page.locator('header nav').innerText(), 'Log in')
  assert.equal(complaints, [])
})

test('login shows errors without a page load, then leads home; logout works', async () => {
  await site().visitor().signUp('Xenia')
  const { page, complaints, navigations } = await watch('/login/')
  for (const [username, password, message] of [
    ['', '', '⚠ Enter your username or email address.'],
    ['Nobody', 'x', '⚠ There is no account with this username. Check the spelling.'],
    ['Xenia', 'x', '⚠ The password is not correct. Try again.'],
  ] as const) {
    await fillIn(page, { username, password })
    await pressForResponse(page)
    assert.is((await messages(page))[0], message)
  }
  await fillIn(page, { password: PASSWORD })
  await pressForResponse(page)
  assert.equal(await messages(page), ['✔ You are logged in.'])
  assert.is(navigations(), 1)
  await page.waitForURL(`${site().address}/`)
  assert.match(await page.locator('main').innerText(), 'Xenia')

  await page.click('nav >> text=Log out')
  await page.click('main button')
  await page.waitForURL(`${site().address}/`)
  assert.equal(await messages(page), ['✔ You are logged out.'])
  await page.goBack()
  await page.goBack()
  assert.not.match(await page.locator('body').innerText(), 'Xenia', 'the back button shows nothing private')
  assert.equal(complaints, [])
})

test('pressing the button many times submits one form and keeps the focus', async () => {
  const page = await open('/signup/')
  await fillIn(page, { username: 'Yvonne', email: 'y@example.com', password: PASSWORD, repassword: PASSWORD })
  let posts = 0
  page.on('request', (request) => {
    if (request.url().endsWith('/signup/verify/')) posts += 1
  })
  // The response waits until all presses are done.
  let go = () => {}
  const pressed = new Promise<void>((resolve) => {
    go = resolve
  })
  await page.route('**/signup/verify/', (route) => pressed.then(() => route.continue()))
  await page.focus('#repassword')
  for (const _ of [1, 2, 3, 4]) await page.keyboard.press('Enter')
  go()
  await page.waitForSelector('#messages .success')
  assert.is(posts, 1)
  assert.is(await page.evaluate('document.activeElement.id'), 'repassword')
  await pressForResponse(page)
  assert.match((await messages(page)).join(), 'Yvonne is ready', 'pressing again gets the same response')
})

test('a page whose cookie changed in another tab works when the button is pressed again', async () => {
  await site().visitor().signUp('Zora')
  const page = await open('/login/')
  await fillIn(page, { username: 'Zora', password: PASSWORD })
  await page.context().clearCookies()
  await pressForResponse(page)
  assert.match((await messages(page)).join(), 'open for too long')
  assert.is(await page.inputValue('#password'), PASSWORD, 'nothing typed is lost')
  await pressForResponse(page)
  assert.equal(await messages(page), ['✔ You are logged in.'])
})

test('screen readers announce the message box politely, and each error with its field', async () => {
  const page = await open('/login/')
  await pressForResponse(page)
  const client = await page.context().newCDPSession(page)
  const { nodes } = await client.send('Accessibility.getFullAXTree')
  const box = nodes.find(({ role }) => role?.value === 'status')
  assert.ok(box?.properties?.some(({ name, value }) => name === 'live' && value.value === 'polite'))
  const field = nodes.find(({ name }) => name?.value === 'Username or email address')
  assert.is(field?.role?.value, 'textbox')
  assert.is(field?.description?.value, 'Enter your username or email address.')
  assert.ok(field?.properties?.some(({ name, value }) => name === 'invalid' && value.value === 'true'))
})

test('on a small screen the success message scrolls into view', async () => {
  const page = await open('/signup/', { viewport: { width: 320, height: 480 } })
  await fillIn(page, {
    username: 'Small',
    email: 'small@example.com',
    password: PASSWORD,
    repassword: PASSWORD,
  })
  await page.locator('main form button').scrollIntoViewIfNeeded()
  await pressForResponse(page)
  const top = Number(
    await page.evaluate('document.querySelector("#messages .success").getBoundingClientRect().top'),
  )
  assert.ok(top >= 0 && top < 400, `the message is at ${top}`)
})

test.run()
