import type { Page } from 'playwright-core'
import * as assert from 'uvu/assert'
import { PASSWORD, until } from '../support/helpers.js'
import { type Authenticator, countOf, plugIn } from './authenticator.js'
import { browserSuite, fillIn, pressForPage } from './visit.js'

const { test, site, open } = browserSuite('what password managers are told', { host: 'localhost' })

let made = 0

/** Returns the page of a user whose device has a passkey. */
async function withPasskey(script = ''): Promise<{ page: Page; name: string; device: Authenticator }> {
  const name = `Anna ${++made}`
  await site()
    .visitor()
    .signUp(name, { email: `anna${made}@example.com` })
  const page = await open('/login/')
  await page.addInitScript(script)
  await fillIn(page, { username: name, password: PASSWORD })
  await Promise.all([page.waitForURL((url) => url.pathname !== '/login/'), page.click('main form button')])
  const device = await plugIn(page)
  await page.goto('/account/passkeys/')
  await page.click('button:text("Create a passkey")')
  await page.waitForSelector('.rows h2')
  return { page, name, device }
}

async function namesOn({ session, id: authenticatorId }: Authenticator): Promise<(string | undefined)[]> {
  const { credentials } = await session.send('WebAuthn.getCredentials', { authenticatorId })
  return credentials.map(({ userName }) => userName)
}

async function remove(page: Page): Promise<void> {
  await page.click('button:text("Remove")')
  await page.waitForSelector('#passkeys:has-text("You have no passkey yet.")')
}

test('a new username, and that the last passkey was removed', async () => {
  const { page, name, device } = await withPasskey()
  assert.equal(await namesOn(device), [name])
  await site().write(`update users set name = 'Renamed' where name = '${name}'`)
  await page.goto('/account/passkeys/')
  await until(async () => (await namesOn(device))[0] === 'Renamed')
  assert.is(await countOf(device), 1)
  await remove(page)
  await until(async () => (await countOf(device)) === 0)
})

test('a new username, as soon as it is chosen', async () => {
  const { page, name, device } = await withPasskey()
  assert.equal(await namesOn(device), [name])
  await page.goto('/account/name/')
  await fillIn(page, { username: `New ${name}` })
  await page.click('main form button')
  await until(async () => (await namesOn(device))[0] === `New ${name}`)
})

test('an unknown passkey, after it was used', async () => {
  const { page, name, device } = await withPasskey(
    'delete PublicKeyCredential.isConditionalMediationAvailable',
  )
  await site().write(`delete from passkeys where user_id = (select id from users where name = '${name}')`)
  await page.goto('/account/passkeys/')
  await page.goto('/logout/')
  await pressForPage(page)
  assert.is(await countOf(device), 1, 'not by the page of a user without passkeys')
  await page.goto('/login/')
  await page.click('button:text("Log in with a passkey")')
  await page.waitForSelector('#messages:has-text("This site does not know this passkey")')
  await until(async () => (await countOf(device)) === 0)
})

test('nothing, if the browser does not support signals', async () => {
  const { page, device } = await withPasskey(
    'for (const name of Object.getOwnPropertyNames(PublicKeyCredential)) if (name.startsWith("signal")) delete PublicKeyCredential[name]',
  )
  const errors: Error[] = []
  page.on('pageerror', (error) => errors.push(error))
  await page.goto('/account/passkeys/')
  await remove(page)
  assert.equal(errors, [])
  assert.is(await countOf(device), 1)
})

test.run()
