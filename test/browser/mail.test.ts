import type { Page } from 'playwright-core'
import * as assert from 'uvu/assert'
import { MINUTE, SECOND } from '../../src/base/durations.js'
import { type Mail, PASSWORD } from '../support/helpers.js'
import { browserSuite, fillIn, messages, pressForResponse } from './visit.js'

const { test, site, open } = browserSuite('email flows')

const NEW = 'another horse 43'

/** Presses the form's button, and returns the message of this page or the next. */
async function press(page: Page): Promise<string> {
  await pressForResponse(page)
  const [message = ''] = await messages(page)
  return message
}

/** Waits for an email to this address whose subject begins so. */
function mailAbout(subject: string, to: string): Promise<Mail> {
  return site().mailThat(to, (mail) => mail.subject.startsWith(subject))
}

async function arrives(page: Page, path: string): Promise<void> {
  await page.waitForURL((url) => url.pathname === path)
}

async function logIn(page: Page, username: string, password = PASSWORD): Promise<void> {
  await page.goto('/login/')
  await fillIn(page, { username, password })
  assert.is(await press(page), '✔ You are logged in.')
}

for (const javaScriptEnabled of [true, false]) {
  const kind = javaScriptEnabled ? 'with JavaScript' : 'without JavaScript'
  const suffix = javaScriptEnabled ? 'htmx' : 'plain'

  test(`${kind}: an email address is corrected and confirmed by its code`, async () => {
    const [username, email] = [`Code ${suffix}`, `code-${suffix}@example.com`]
    const page = await open('/signup/', { javaScriptEnabled })
    await fillIn(page, { username, email: `x${email}`, password: PASSWORD, repassword: PASSWORD })
    await press(page)
    await page.goto('/email/confirm/')
    await page.click('text=Correct it')
    await fillIn(page, { email: 'nowhere' })
    assert.is(await press(page), '⚠ Enter an email address like name@example.com.')
    await fillIn(page, { email })
    assert.match(await press(page), `Your email address is now ${email}`)
    await arrives(page, '/email/confirm/')
    const mail = await mailAbout('Confirm', email)
    await fillIn(page, { code: mail.code === '00000000' ? '00000001' : '00000000' })
    assert.match(await press(page), 'The code is not correct')
    assert.is(await page.getAttribute('#code', 'aria-invalid'), 'true')
    await fillIn(page, { code: mail.code })
    assert.is(await press(page), `✔ Your email address ${email} is confirmed.`)
    await arrives(page, '/login/')
    assert.is(await page.inputValue('#username'), username)
  })

  test(`${kind}: a confirmation link in another browser needs the password`, async () => {
    const [username, email] = [`Link ${suffix}`, `link-${suffix}@example.com`]
    await site().visitor().signUp(username, { email })
    const mail = await mailAbout('Confirm', email)
    const page = await open(mail.link, { javaScriptEnabled })
    assert.is(new URL(page.url()).pathname, '/email/confirm/')
    assert.is(await press(page), '⚠ Enter your password.')
    await fillIn(page, { password: PASSWORD })
    assert.is(await press(page), `✔ Your email address ${email} is confirmed.`)
    await arrives(page, '/login/')
    await page.goto(mail.link)
    assert.equal(await messages(page), [`✔ Your email address ${email} is already confirmed.`])
  })

  test(`${kind}: code and link replace a forgotten password`, async () => {
    const [username, email] = [`Forgot ${suffix}`, `forgot-${suffix}@example.com`]
    await site().visitor().signUp(username, { email })
    const page = await open('/login/', { javaScriptEnabled })
    await page.click('text=Forgot your password?')
    await fillIn(page, { username: email })
    assert.match(await press(page), 'an email is on its way')
    await arrives(page, '/password/reset/')
    const mail = await mailAbout('Reset your', email)
    await fillIn(page, { code: mail.code })
    assert.is(await press(page), '✔ The code is correct. Choose a new password.')
    await fillIn(page, { password: NEW, repassword: 'something else' })
    assert.is(await press(page), '⚠ The passwords do not match. Enter the same one twice.')
    await fillIn(page, { password: NEW, repassword: NEW })
    assert.match(await press(page), 'Your password has been changed')
    await arrives(page, '/login/')
    if (javaScriptEnabled) await page.goBack()
    await logIn(page, username, NEW)

    site().clock.advance(MINUTE)
    await page.goto('/password/forgot/')
    await fillIn(page, { username })
    await press(page)
    const second = await site().mailThat(
      email,
      ({ subject, link }) => subject.startsWith('Reset your') && link !== mail.link,
    )
    const elsewhere = await open(second.link, { javaScriptEnabled })
    await fillIn(elsewhere, { password: PASSWORD, repassword: PASSWORD })
    assert.match(await press(elsewhere), 'Your password has been changed')
    await page.goto('/account/devices/')
    assert.is(new URL(page.url()).pathname, '/login/', 'the other browser is logged out')
  })

  test(`${kind}: an email change is confirmed, then undone by its link`, async () => {
    const [username, email] = [`Mover ${suffix}`, `mover-${suffix}@example.com`]
    const next = `new-${email}`
    const newcomer = site().visitor()
    await newcomer.signUp(username, { email })
    await newcomer.send(await newcomer.follow(await site().mail(email)))
    const page = await open('/', { javaScriptEnabled })
    await logIn(page, username)
    await page.goto('/account/email/')
    await fillIn(page, { email: next })
    assert.match(await press(page), `An email to ${next} is on its way`)
    assert.match(await page.locator('#email-present').innerText(), next)
    await page.getByRole('button', { name: 'Send the email again' }).click()
    await page.waitForSelector('text=Another email to')
    // An email that still waits would be canceled together with the change.
    await site().mails(next, 2)
    await page.getByRole('button', { name: 'Keep current address' }).press('Enter')
    await page.waitForSelector('text=Your email address stays the same.')
    if (javaScriptEnabled) {
      assert.is(
        await page.evaluate('document.activeElement.id'),
        'email-present',
        'because the button has disappeared',
      )
    }
    // Emails of the same millisecond have no order.
    site().clock.advance(SECOND)
    await fillIn(page, { email: next })
    assert.match(await press(page), `An email to ${next} is on its way`)
    const mail = (await site().mails(next, 3)).at(-1)
    assert.ok(mail)
    await page.goto(mail.link)
    assert.match(await press(page), `The email address of your account ${username} is now ${next}`)
    await arrives(page, '/account/')
    const undo = await site().mailThat(email, ({ link }) => link.startsWith('/account/email/undo/'))
    const reader = await open(undo.link, { javaScriptEnabled })
    await reader.click('main form button')
    await arrives(reader, '/password/reset/')
    assert.match((await messages(reader))[0] ?? '', `Your email address is ${email} again`)
    await page.goto('/account/devices/')
    assert.is(new URL(page.url()).pathname, '/login/')
  })
}

test('the pages fit a phone', async () => {
  const page = await open('/signup/', { viewport: { width: 320, height: 640 } })
  await fillIn(page, {
    username: 'Narrow',
    email: 'a-rather-long-address-that-does-not-fit@example.com',
    password: PASSWORD,
    repassword: PASSWORD,
  })
  await press(page)
  const paths = ['/email/confirm/', '/email/confirm/address/', '/password/forgot/']
  for (const path of paths) {
    await page.goto(path)
    assert.is(await page.evaluate('document.documentElement.scrollWidth'), 320, path)
  }
})

test.run()
