import * as assert from 'uvu/assert'
import { PASSWORD } from '../support/helpers.js'
import { browserSuite, fillIn, messages, pressForPage } from './visit.js'

const { test, site, open } = browserSuite('a browser without JavaScript')

const PLAIN = { javaScriptEnabled: false }

test('sign-up, login and logout work as plain pages, errors included', async () => {
  const page = await open('/signup/', PLAIN)
  await pressForPage(page)
  assert.is((await messages(page)).length, 4)
  assert.match(await page.title(), /^Error: Sign up/)
  assert.ok(await page.locator('#messages[autofocus]').isVisible())

  await fillIn(page, { username: 'Plain Jane', email: 'jane', password: PASSWORD, repassword: PASSWORD })
  await pressForPage(page)
  assert.equal(await messages(page), ['⚠ Enter an email address like name@example.com.'])
  assert.is(await page.inputValue('#username'), 'Plain Jane')
  assert.is(await page.inputValue('#password'), '')

  await fillIn(page, { email: 'jane@example.com', password: PASSWORD, repassword: PASSWORD })
  await pressForPage(page)
  assert.is(new URL(page.url()).pathname, '/')
  assert.equal(await messages(page), ['✔ Your account Plain Jane is ready. Log in'])

  await page.click('#messages a')
  assert.is(await page.inputValue('#username'), 'Plain Jane')
  await fillIn(page, { password: 'mistyped' })
  await pressForPage(page)
  assert.equal(await messages(page), ['⚠ The password is not correct. Try again.'])
  await fillIn(page, { password: PASSWORD })
  await page.check('#keep')
  await pressForPage(page)
  assert.equal(await messages(page), ['✔ You are logged in.'])
  await page.reload()
  assert.equal(await messages(page), [])

  await page.click('nav >> text=Log out')
  await pressForPage(page)
  assert.equal(await messages(page), ['✔ You are logged out.'])
  await page.goBack()
  assert.not.match(await page.locator('body').innerText(), 'Plain Jane')
})

test('a page whose cookie changed keeps the username and works when the button is pressed again', async () => {
  await site().visitor().signUp('Patience')
  const page = await open('/login/', PLAIN)
  await fillIn(page, { username: 'Patience', password: PASSWORD })
  await page.context().clearCookies()
  await pressForPage(page)
  assert.match((await messages(page)).join(), 'open for too long')
  assert.is(await page.inputValue('#username'), 'Patience')
  await fillIn(page, { password: PASSWORD })
  await pressForPage(page)
  assert.equal(await messages(page), ['✔ You are logged in.'])
})

test('the URL that takes a form leads back to the form', async () => {
  const page = await open('/signup/', PLAIN)
  await pressForPage(page)
  await page.goto('/signup/verify/')
  assert.match((await messages(page)).join(), 'This page only accepts POST')
  await page.click('main a[href="/signup/"]')
  assert.is(await page.locator('#username').count(), 1)
})

test.run()
