import type { BrowserContextOptions, Page } from 'playwright-core'
import * as assert from 'uvu/assert'
import { MINUTE } from '../../src/base/durations.js'
import { type Mail, PASSWORD } from '../support/helpers.js'
import { follow, press, tabTo, type } from './keys.js'
import { browserSuite } from './visit.js'

const { test, site, open } = browserSuite('with the keyboard only')

const NEW = 'another horse 43'

/** Waits for a success, and returns the text of the message box. */
async function success(page: Page): Promise<string> {
  await page.waitForSelector('#messages .success')
  return page.locator('#messages').innerText()
}

function mailAbout(subject: string, to: string): Promise<Mail> {
  return site().mailThat(to, (mail) => mail.subject.startsWith(subject))
}

test('you can sign up, log in and log out', async () => {
  const page = await open('/')
  await follow(page, 'main a[href="/signup/"]', '/signup/')
  const [username, email] = ['Keys', 'keys@example.com']
  await type(page, { username, email, password: PASSWORD, repassword: PASSWORD })
  await page.keyboard.press('Enter')
  assert.match(await success(page), 'Your account Keys is ready')
  await page.waitForURL(`${site().address}/`)

  await follow(page, 'nav a[href="/login/"]', '/login/')
  await type(page, { username, password: PASSWORD })
  await tabTo(page, '#keep')
  await page.keyboard.press('Space')
  assert.ok(await page.isChecked('#keep'))
  await press(page, 'main form button')
  await success(page)
  await page.waitForURL(`${site().address}/`)

  await follow(page, 'nav a[href="/logout/"]', '/logout/')
  await follow(page, 'main form button', '/')
  assert.match(await success(page), 'You are logged out.')
})

test('you can name a device and log out another one', async () => {
  await site().visitor().settle('Tabs')
  const page = await enter('Tabs', { javaScriptEnabled: false })
  await follow(page, 'nav a[href="/account/"]', '/account/')
  await follow(page, 'main a[href="/account/devices/"]', '/account/devices/')
  await tabTo(page, 'input[name=name]')
  await page.keyboard.type('Desk')
  await page.keyboard.press('Enter')
  await success(page)
  assert.is(await page.locator('.rows h2').first().innerText(), 'Desk')
  await press(page, 'li:nth-child(2) form[action$="/revoke/"] button')
  await page.waitForSelector('.rows > li:only-child')
})

/** Logs in in a new browser window. */
async function enter(username: string, options: BrowserContextOptions = {}): Promise<Page> {
  const page = await open('/login/', options)
  await type(page, { username, password: PASSWORD })
  await page.keyboard.press('Enter')
  await success(page)
  return page
}

test('you can change username, email address and password', async () => {
  await site().visitor().settle('Typing')
  const page = await enter('Typing')
  const open = async (path: string) => {
    await page.goto('/account/')
    await follow(page, `main a[href="${path}"]`, path)
  }
  await open('/account/name/')
  await type(page, { username: 'Typing Two' })
  await page.keyboard.press('Enter')
  assert.match(await success(page), 'Your username is now Typing Two.')

  await open('/account/email/')
  await type(page, { email: 'two@example.org' })
  await press(page, 'main form button')
  assert.match(await success(page), 'An email to two@example.org is on its way.')
  await page.goto((await mailAbout('Confirm your new', 'two@example.org')).link)
  await press(page, 'main form button')
  assert.match(await success(page), 'is now two@example.org.')

  await open('/account/password/')
  await type(page, { current: PASSWORD, password: NEW, repassword: NEW })
  await press(page, 'main form button')
  assert.match(await success(page), 'Your password has been changed')
})

test('you can open activity, data and languages, and close and reopen the account', async () => {
  await site().visitor().settle('Leaving')
  const page = await enter('Leaving', { javaScriptEnabled: false })
  await follow(page, 'nav a[href="/account/"]', '/account/')
  await follow(page, 'main a[href="/account/activity/"]', '/account/activity/')
  await follow(page, 'nav a[href="/account/"]', '/account/')
  await follow(page, 'main a[href="/account/export/"]', '/account/export/')
  const [file] = await Promise.all([page.waitForEvent('download'), press(page, 'main .actions a')])
  assert.match(file.suggestedFilename(), /\.json$/)

  for (const language of ['ru', 'en']) {
    await press(page, `footer a[hreflang=${language}]`)
    await page.waitForSelector(`html[lang=${language}]`)
  }
  await follow(page, 'nav a[href="/account/"]', '/account/')
  await follow(page, 'main a[href="/account/close/"]', '/account/close/')
  await follow(page, 'main form button', '/')
  assert.match(await success(page), 'Your account is closed')
  await page.goto((await mailAbout('Your Gatehouse account is closed', 'Leaving@example.com')).link)
  await press(page, 'main form button')
  assert.match(await success(page), 'Your account is open again')
})

test('you can confirm an email address and replace a forgotten password', async () => {
  await site().visitor().signUp('Absent')
  const { link } = await mailAbout('Confirm', 'Absent@example.com')
  const page = await open(link, { javaScriptEnabled: false })
  await press(page, 'main form button')
  await page.waitForSelector('#messages .error')
  assert.is(await page.evaluate('document.activeElement.id'), 'messages')
  await page.keyboard.press('Tab')
  await page.keyboard.press('Enter')
  assert.is(await page.evaluate('document.activeElement.id'), 'password', 'the error leads to its field')
  await page.keyboard.type(PASSWORD)
  await press(page, 'main form button')
  assert.match(await success(page), 'is confirmed')

  await follow(page, 'main a[href="/password/forgot/"]', '/password/forgot/')
  await type(page, { username: 'Absent' })
  await page.keyboard.press('Enter')
  await success(page)
  await page.goto((await mailAbout('Reset your', 'Absent@example.com')).link)
  await type(page, { password: NEW, repassword: NEW })
  await press(page, 'main form button')
  assert.match(await success(page), 'Your password has been changed')
})

test('you can submit an outdated form again after entering the password', async () => {
  await site().visitor().settle('Detour')
  const page = await enter('Detour')
  await page.goto('/members/recent/')
  await type(page, { note: 'Kept' })
  site().clock.advance(10 * MINUTE)
  await page.keyboard.press('Enter')
  await page.waitForSelector('#messages form')
  await page.keyboard.press('Shift+Tab')
  await page.keyboard.press('Enter')
  await page.waitForURL('**/password/confirm/verify/')
  await type(page, { password: PASSWORD })
  await page.keyboard.press('Enter')
  await page.waitForURL('**/members/recent/')
  await press(page, 'main form button')
  await page.getByText('Your note is saved.').waitFor()
})

test.run()
