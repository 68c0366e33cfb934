import type { BrowserContextOptions, Page } from 'playwright-core'
import * as assert from 'uvu/assert'
import { MINUTE } from '../../src/base/durations.js'
import { PASSWORD } from '../support/helpers.js'
import { codeAt } from '../support/second-step.js'
import {
  type Authenticator,
  countOf,
  keyIn,
  plugIn,
  putKey,
  type Stored,
  setPresence,
  unplug,
} from './authenticator.js'
import { violationsInBothLights } from './axe.js'
import { browserSuite, fillIn, messages, pressForPage } from './visit.js'

const { test, site, open } = browserSuite('passkeys in a browser', { host: 'localhost' })

const CREATE = 'button:text("Create a passkey")'
const LOG_IN = 'button:text("Log in with a passkey")'

const LEAVES_CONFIRM = ({ pathname }: URL) => pathname !== '/password/confirm/'

let made = 0

/** Logs in as a new user. */
async function settled(options: BrowserContextOptions = {}): Promise<{ page: Page; name: string }> {
  const name = `Anna ${++made}`
  const visitor = site().visitor()
  const email = `anna${made}@example.com`
  await visitor.signUp(name, { email })
  const { code } = await site().mailThat(email, (mail) => mail.code !== '')
  await visitor.send(await visitor.open('/email/confirm/'), { code })
  const page = await open('/login/', options)
  await fillIn(page, { username: name, password: PASSWORD })
  await Promise.all([page.waitForURL((url) => url.pathname !== '/login/'), page.click('main form button')])
  return { page, name }
}

async function create(page: Page): Promise<void> {
  await page.goto('/account/passkeys/')
  await page.click(CREATE)
  await page.waitForSelector('.rows h2')
}

async function withPasskey(
  options: Parameters<typeof plugIn>[1] = {},
): Promise<{ page: Page; name: string; device: Authenticator }> {
  const { page, name } = await settled()
  const device = await plugIn(page, options)
  await create(page)
  return { page, name, device }
}

async function logOut(page: Page): Promise<void> {
  await page.goto('/logout/')
  await pressForPage(page)
  site().clock.advance(1)
}

async function turnOn(page: Page): Promise<void> {
  await page.goto('/account/authenticator/')
  const secret = (await page.innerText('.key')).replaceAll(/\s/g, '')
  await fillIn(page, { code: codeAt(secret, site().clock.time) })
  await Promise.all([page.waitForURL('**/account/recovery-codes/'), page.click('main form button')])
}

async function response(page: Page): Promise<string[]> {
  await page.waitForSelector('#messages > *')
  return messages(page)
}

async function userOn(page: Page): Promise<string> {
  await page.goto('/')
  return page.innerText('header')
}

/** A browser without autofill for passkeys, so that only the button uses them. */
async function withoutAutofill(page: Page): Promise<void> {
  await page.addInitScript('delete PublicKeyCredential.isConditionalMediationAvailable')
}

test('a passkey is created, and its button logs in, with "Keep me logged in" as for the password', async () => {
  const { page, name, device } = await withPasskey()
  assert.equal(await messages(page), ['✔ Your passkey is created. You can now log in with it.'])
  assert.is(await countOf(device), 1)
  await logOut(page)
  await withoutAutofill(page)
  await page.goto('/login/')
  await page.check('#keep')
  await page.click(LOG_IN)
  assert.equal(await response(page), ['✔ You are logged in.'])
  assert.match(await userOn(page), name)
  const [session] = await site().rows<{ kept: number; methods: string }>(
    'select kept, methods from sessions order by created_at desc limit 1',
  )
  assert.equal(session, { kept: 1, methods: 'passkey verified' })
})

test('the button works with the keyboard alone', async () => {
  const { page, name } = await withPasskey()
  await logOut(page)
  await withoutAutofill(page)
  await page.goto('/login/')
  await page.focus('#keep')
  for (const text of ['Log in', 'Log in with a passkey']) {
    await page.keyboard.press('Tab')
    assert.is(await page.locator(':focus').innerText(), text)
  }
  await page.keyboard.press('Enter')
  assert.equal(await response(page), ['✔ You are logged in.'])
  assert.match(await userOn(page), name)
})

test('the autofill of the username logs in, once', async () => {
  const { page, name } = await withPasskey()
  await logOut(page)
  await page.goto('/account/devices/')
  assert.equal(await response(page), ['✔ You are logged in.'])
  assert.match(await userOn(page), name)
  const [used] = await site().rows<{ count: number }>('select count(*) as count from spent_challenges')
  await page.goto('/login/')
  assert.equal(await site().rows('select count(*) as count from spent_challenges'), [used])
})

test('after the password a passkey is the second step', async () => {
  const { page, name } = await withPasskey()
  await turnOn(page)
  await logOut(page)
  await withoutAutofill(page)
  await page.goto('/login/')
  await fillIn(page, { username: name, password: PASSWORD })
  await Promise.all([page.waitForURL('**/login/two-step/'), page.click('#login button')])
  await page.click('button:text("Use a passkey")')
  assert.equal(await response(page), ['✔ You are logged in.'])
  assert.match(await userOn(page), name)
})

test('each of two devices logs in', async () => {
  const { page, name, device } = await withPasskey()
  const key = await keyIn(device)
  await unplug(device)
  const second = await plugIn(page)
  await page.goto('/account/passkeys/')
  await page.click(CREATE)
  await page.locator('.rows h2').nth(1).waitFor()
  await withoutAutofill(page)
  const logIn = async () => {
    await logOut(page)
    await page.goto('/login/')
    await page.click(LOG_IN)
    assert.equal(await response(page), ['✔ You are logged in.'])
    assert.match(await userOn(page), name)
  }
  await logIn()
  await unplug(second)
  const [user] = await site().rows<{ id: string }>('select id from users where name = ?', name)
  await putKey(await plugIn(page), key, { userId: user?.id ?? '' })
  await logIn()
})

// Chromium asks for the account if a key does not verify its user, and has no window for that here. So the button of the
// login is tested over HTTP.
test('a key that does not verify its user is the second step after the password', async () => {
  const { page, name, device } = await withPasskey()
  const key = await keyIn(device)
  await turnOn(page)
  await logOut(page)
  await unplug(device)
  const [user] = await site().rows<{ id: string }>('select id from users where name = ?', name)
  await putKey(await plugIn(page, { isVerifying: false }), key, { userId: user?.id ?? '' })
  await withoutAutofill(page)
  await page.goto('/login/')
  await fillIn(page, { username: name, password: PASSWORD })
  await Promise.all([page.waitForURL('**/login/two-step/'), page.click('#login button')])
  await page.click('button:text("Use a passkey")')
  assert.equal(await response(page), ['✔ You are logged in.'])
  const [session] = await site().rows<{ methods: string }>(
    'select methods from sessions order by created_at desc limit 1',
  )
  assert.equal(session, { methods: 'passkey password' })
})

test('a passkey confirms who someone is', async () => {
  const { page } = await withPasskey()
  site().clock.advance(10 * MINUTE)
  await page.goto('/account/name/')
  assert.is(new URL(page.url()).pathname, '/password/confirm/')
  const found = await violationsInBothLights(page)
  assert.equal(found, [])
  await Promise.all([page.waitForURL(LEAVES_CONFIRM), page.click('button:text("Use a passkey")')])
  assert.is(new URL(page.url()).pathname, '/account/name/')
})

test('after a passkey, the form is filled in again', async () => {
  const { page } = await withPasskey()
  await page.goto('/members/recent/')
  await fillIn(page, { note: 'kept' })
  site().clock.advance(10 * MINUTE)
  await page.click('main form button')
  await Promise.all([page.waitForNavigation(), page.click('button:text("Enter your password")')])
  await Promise.all([page.waitForURL('**/members/recent/'), page.click('button:text("Use a passkey")')])
  assert.is(await page.inputValue('[name=note]'), 'kept')
})

test('the button stops a waiting autofill first, and canceling is a hint', async () => {
  const { page, device, name } = await withPasskey()
  await logOut(page)
  await setPresence(device, false)
  await page.goto('/login/')
  await page.waitForSelector(LOG_IN)
  await page.evaluate(`(() => {
    const get = navigator.credentials.get.bind(navigator.credentials)
    navigator.credentials.get = (options) => get({ ...options, publicKey: { ...options.publicKey, timeout: 500 } })
  })()`)
  await page.click(LOG_IN)
  await page.waitForSelector('#messages > *')
  assert.match(await page.innerText('#messages'), 'No passkey was used.')
  assert.not.match(await page.innerText('#messages'), '⚠')
  await setPresence(device, true)
  await page.click(LOG_IN)
  await page.waitForSelector('#messages .success')
  assert.match(await userOn(page), name)
})

async function idOf(name: string): Promise<string> {
  const [user] = await site().rows<{ id: string }>('select id from users where name = ?', name)
  return user?.id ?? ''
}

/** Tries to log in with a copy of a passkey on another device. */
async function logInWithCopy(copy: Stored, userId: string): Promise<Page> {
  const page = await open('/healthz')
  await putKey(await plugIn(page), copy, { userId })
  await withoutAutofill(page)
  await page.goto('/login/')
  await page.click(LOG_IN)
  return page
}

test('a passkey that names another user logs in to neither account', async () => {
  const { device } = await withPasskey()
  const { name: other } = await withPasskey()
  const copy = await keyIn(device)
  const page = await logInWithCopy({ ...copy, signCount: copy.signCount + 1 }, await idOf(other))
  assert.match((await response(page)).join(), 'The passkey did not work.')
  assert.match(await userOn(page), 'Sign up')
})

test('the copy of a passkey is refused because of its counter', async () => {
  const { page, name, device } = await withPasskey()
  const copy = await keyIn(device)
  const userId = await idOf(name)
  await logOut(page)
  await withoutAutofill(page)
  for (let time = 0; time < 2; time++) {
    await page.goto('/login/')
    await page.click(LOG_IN)
    assert.equal(await response(page), ['✔ You are logged in.'])
    await logOut(page)
  }
  const thief = await logInWithCopy(copy, userId)
  assert.match((await response(thief)).join(), 'The passkey did not work.')
  assert.match(await userOn(thief), 'Sign up')
})

test('a removed passkey does not log in, and the page says so', async () => {
  const { page } = await withPasskey()
  // Otherwise Chromium forgets it, too.
  await page.addInitScript('delete PublicKeyCredential.signalAllAcceptedCredentials')
  await page.goto('/account/passkeys/')
  await page.click('button:text("Remove")')
  await page.waitForSelector('#passkeys:has-text("You have no passkey yet.")')
  await logOut(page)
  await withoutAutofill(page)
  await page.goto('/login/')
  await page.click(LOG_IN)
  assert.match((await response(page)).join(), 'This site does not know this passkey')
})

test('without JavaScript only the list of passkeys is shown', async () => {
  const { page } = await settled({ javaScriptEnabled: false })
  await page.goto('/account/passkeys/')
  assert.not.ok(await page.isVisible(CREATE))
  assert.match(await page.innerText('main'), 'To create a passkey you need a browser that supports them')
  const login = await open('/login/', { javaScriptEnabled: false })
  assert.not.match(await login.innerText('body'), /passkey|fingerprint/)
})

test('axe finds no violation on pages with passkeys', async () => {
  const { page } = await withPasskey()
  const found = [...(await violationsInBothLights(page))]
  await logOut(page)
  await withoutAutofill(page)
  await page.goto('/login/')
  await page.waitForSelector(LOG_IN)
  found.push(...(await violationsInBothLights(page)))
  assert.equal(found, [])
})

test.run()
