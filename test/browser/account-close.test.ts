import type { Page } from 'playwright-core'
import * as assert from 'uvu/assert'
import { PASSWORD } from '../support/helpers.js'
import { browserSuite, fillIn, messages, pressForResponse } from './visit.js'

const { test, site, open } = browserSuite('changing the password and closing the account')

const NEW = 'another horse 43'

async function press(page: Page): Promise<string> {
  await pressForResponse(page)
  const [message = ''] = await messages(page)
  return message
}

async function logIn(page: Page, username: string, password = PASSWORD): Promise<string> {
  await page.goto('/login/')
  await fillIn(page, { username, password })
  return press(page)
}

for (const javaScriptEnabled of [true, false]) {
  const kind = javaScriptEnabled ? 'with JavaScript' : 'without JavaScript'
  const suffix = javaScriptEnabled ? 'htmx' : 'plain'

  test(`${kind}: a new password logs out the other device`, async () => {
    const username = `Changer ${suffix}`
    await site().visitor().signUp(username)
    const page = await open('/', { javaScriptEnabled })
    await logIn(page, username)
    const other = await open('/', { javaScriptEnabled })
    await logIn(other, username)
    await page.goto('/account/')
    await page.click('text=Change password')
    await fillIn(page, { current: 'not it', password: NEW, repassword: NEW })
    assert.is(await press(page), '⚠ The password is not correct. Try again.')
    assert.is(await page.getAttribute('#current', 'aria-invalid'), 'true')
    await fillIn(page, { current: PASSWORD, password: NEW, repassword: NEW })
    assert.is(
      await press(page),
      '✔ Your password has been changed, and all other devices are logged out (1).',
    )
    await page.waitForURL((url) => url.pathname === '/account/')
    await other.goto('/account/')
    assert.is(new URL(other.url()).pathname, '/login/')
    assert.is(await logIn(other, username, NEW), '✔ You are logged in.')
  })

  test(`${kind}: a closed account is reopened by its link and by logging in`, async () => {
    const username = `Closer ${suffix}`
    await site().visitor().signUp(username)
    const page = await open('/', { javaScriptEnabled })
    await logIn(page, username)
    await page.goto('/account/')
    await page.click('text=Close account')
    await page.getByRole('button', { name: 'Close account' }).click()
    await page.waitForURL((url) => url.pathname === '/')
    assert.match((await messages(page))[0] ?? '', 'Your account is closed and will be deleted in 14 days')
    assert.is(await page.locator('header').getByText('Log in').count(), 1)
    await page.goBack()
    await page.goto('/account/')
    assert.is(new URL(page.url()).pathname, '/login/')

    const address = `${encodeURIComponent(username).replaceAll('%', '')}@example.com`
    const mail = await site().mailThat(address, ({ link }) => link.startsWith('/account/close/undo/'))
    const reader = await open(mail.link, { javaScriptEnabled })
    assert.match(await reader.locator('main').innerText(), username)
    await reader.getByRole('button', { name: 'Reopen your account' }).click()
    await reader.waitForURL((url) => url.pathname === '/login/')
    assert.match((await messages(reader))[0] ?? '', 'Your account is open again')
    assert.is(await reader.inputValue('#username'), username)
    assert.is(await logIn(page, username), '✔ You are logged in.')

    await page.goto('/account/close/')
    await page.getByRole('button', { name: 'Close account' }).click()
    await page.waitForURL((url) => url.pathname === '/')
    assert.match(await logIn(page, username), 'Your account is open again')
  })
}

test('the pages fit a phone', async () => {
  await site().visitor().signUp('Narrow')
  const page = await open('/', { viewport: { width: 320, height: 640 } })
  await logIn(page, 'Narrow')
  for (const path of ['/account/password/', '/account/close/', '/account/email/', '/account/']) {
    await page.goto(path)
    assert.is(await page.evaluate('document.documentElement.scrollWidth'), 320, path)
  }
})

test.run()
