import type { BrowserContextOptions, Page } from 'playwright-core'
import * as assert from 'uvu/assert'
import { PASSWORD, until } from '../support/helpers.js'
import { countOf, plugIn, setPresence } from './authenticator.js'
import { violationsInBothLights } from './axe.js'
import { browserSuite, fillIn } from './visit.js'

const { test, site, open } = browserSuite('signing up with a passkey', {
  host: 'localhost',
  environment: { EMAIL_CONFIRMATION: 'required' },
})

const SIGN_UP = '[formaction="/signup/passkey/"]'
const CREATE = '[data-passkey]'
const PHONE = { width: 360, height: 640 }

let made = 0

async function begun(options: BrowserContextOptions = {}) {
  const name = `Anna ${++made}`
  const email = `anna${made}@example.com`
  const page = await open('/signup/', options)
  await page.addInitScript('delete PublicKeyCredential.isConditionalMediationAvailable')
  const device = await plugIn(page)
  await fillIn(page, { username: name, email })
  return { name, email, page, device }
}

async function press(page: Page): Promise<void> {
  await Promise.all([page.waitForURL('**/signup/passkey/'), page.click(SIGN_UP)])
  await page.waitForSelector(CREATE)
}

async function confirm(page: Page, email: string): Promise<void> {
  await page.waitForURL('**/email/confirm/')
  const { code } = await site().mailThat(email, (mail) => mail.code !== '')
  await fillIn(page, { code })
  await Promise.all([page.waitForURL('**/login/**'), page.click('main form button')])
}

async function logIn(page: Page): Promise<string> {
  await page.click('button:text("Log in with a passkey")')
  await page.waitForSelector('#messages .success')
  await page.goto('/')
  return page.innerText('header')
}

test('an account is created with two buttons, confirmed by code, and logged in to', async () => {
  const { page, name, email, device } = await begun()
  await press(page)
  assert.match(await page.innerText('main'), `The passkey opens your account ${name}. There is no password.`)
  await page.click(CREATE)
  await page.waitForSelector('#messages .success')
  assert.match(await page.innerText('#messages'), `Your account ${name} is almost ready.`)
  assert.is(await countOf(device), 1)
  await confirm(page, email)
  assert.match(await logIn(page), name)
})

test('errors are shown next to the fields, and no passkey is requested', async () => {
  const { page, device } = await begun()
  await fillIn(page, { username: 'a!', email: '' })
  await page.click(SIGN_UP)
  await page.waitForSelector('#messages .error')
  assert.is(await page.locator('#messages li').count(), 3)
  assert.is(await page.getAttribute('#username', 'aria-invalid'), 'true')
  assert.is(await page.getAttribute('#password', 'aria-invalid'), null)
  assert.is(await page.inputValue('#username'), 'a!')
  assert.is(await countOf(device), 0)
})

test('after canceling, the same form works with a password', async () => {
  const { page, name, device } = await begun()
  await press(page)
  await setPresence(device, false)
  await page.evaluate(`(() => {
    const create = navigator.credentials.create.bind(navigator.credentials)
    navigator.credentials.create = (options) => create({ ...options, publicKey: { ...options.publicKey, timeout: 500 } })
  })()`)
  await page.click(CREATE)
  await page.waitForSelector('#messages > *')
  assert.match(await page.innerText('#messages'), 'No passkey was created.')
  assert.not.match(await page.innerText('#messages'), '⚠')
  assert.ok(await page.isVisible(CREATE), 'it can be tried again')
  await Promise.all([page.waitForURL('**/signup/'), page.click('text="Sign up with a password instead"')])
  assert.is(await page.inputValue('#username'), name)
  await fillIn(page, { password: PASSWORD, repassword: PASSWORD })
  await page.click('#signup > button')
  await page.waitForSelector('#messages .success')
  const [user] = await site().rows<{ hash: string }>(
    'select password_hash as hash from users where name = ?',
    name,
  )
  assert.match(user?.hash ?? '', /^\$argon2id/)
})

test('works with the keyboard alone', async () => {
  const { page, email, name } = await begun()
  await page.focus('#repassword')
  const tabTo = async (text: string) => {
    await page.keyboard.press('Tab')
    assert.is(await page.locator(':focus').innerText(), text)
  }
  await tabTo('Sign up')
  await tabTo('Sign up with a passkey')
  await Promise.all([page.waitForURL('**/signup/passkey/'), page.keyboard.press('Enter')])
  await page.waitForSelector(CREATE)
  await page.focus('main')
  await tabTo('Create a passkey')
  await page.keyboard.press('Enter')
  await page.waitForSelector('#messages .success')
  await confirm(page, email)
  assert.match(await logIn(page), name)
})

test('Enter in a field submits the form with the password, not the passkey', async () => {
  const { page } = await begun()
  await page.focus('#email')
  await page.keyboard.press('Enter')
  await page.waitForSelector('#messages .error')
  assert.match(await page.innerText('#messages'), 'Choose a password.')
})

test('a device is told to forget a passkey whose username was taken in the meantime', async () => {
  const { page, name, device } = await begun()
  await press(page)
  await site().visitor().signUp(name, { email: 'faster@example.com' })
  await page.click(CREATE)
  await page.waitForSelector('#messages .error')
  assert.match(await page.innerText('#messages'), 'This username is already taken.')
  await until(async () => (await countOf(device)) === 0)
})

test('in a browser without the passkey, the page says how to confirm there', async () => {
  const { page, email, device } = await begun()
  await press(page)
  await page.click(CREATE)
  await page.waitForSelector('#messages .success')
  const { link } = await site().mailThat(email, (mail) => mail.code !== '')
  const other = await open(link, { javaScriptEnabled: false })
  assert.match(await other.innerText('main'), 'This account has no password.')
  assert.ok(await other.isVisible('text="This was not me"'))
  assert.is(await countOf(device), 1)
})

test('without JavaScript or browser support, pages do not mention passkeys', async () => {
  const without = await open('/signup/', { javaScriptEnabled: false })
  const old = await open('/signup/')
  await old.addInitScript('delete PublicKeyCredential.parseRequestOptionsFromJSON')
  await old.reload()
  for (const page of [without, old]) {
    assert.not.match(await page.innerText('body'), /passkey|fingerprint/)
    assert.is(await page.locator('main button:visible').count(), 1)
  }
})

for (const [language, locale] of [
  ['English', 'en'],
  ['Russian', 'ru'],
] as const) {
  test(`${language}: the pages fit a phone, and axe finds no violation`, async () => {
    const { page } = await begun({ viewport: PHONE, locale })
    const found: string[] = []
    const look = async (face: string) => {
      found.push(...(await violationsInBothLights(page)))
      const width = await page.evaluate('document.documentElement.scrollWidth')
      if (width !== PHONE.width) found.push(`${face} is ${width} px wide`)
      if (process.env.PICTURES) {
        await page.screenshot({ path: `${process.env.PICTURES}/${face}-${locale}-dark.png`, fullPage: true })
        await page.emulateMedia({ colorScheme: 'light' })
        await page.screenshot({ path: `${process.env.PICTURES}/${face}-${locale}-light.png`, fullPage: true })
      }
    }
    await page.waitForSelector(SIGN_UP)
    await look('form')
    await press(page)
    await look('passkey')
    await page.evaluate(
      'navigator.credentials.create = () => Promise.reject(new DOMException("", "NotAllowedError"))',
    )
    await page.click(CREATE)
    await page.waitForSelector('#messages > *')
    await look('canceled')
    assert.equal(found, [])
  })
}

test.run()
