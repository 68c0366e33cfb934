import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { MINUTE } from '../../../../src/base/durations.js'
import { PASSWORD, type Page, Site, type Visitor } from '../../../support/helpers.js'
import { sentTwice, shownMessage } from '../../../support/lost-response.js'
import { addPasskey, Device, useToLogIn } from '../../../support/passkey.js'
import { settled } from '../../../support/second-step.js'

const test = suite('account/password/remove')
let site: Site

test.before(async () => {
  site = await Site.start({ host: 'localhost' })
})
test.after(() => site.close())

const PAGE = '/account/password/'
const REMOVE = '/account/password/remove/'
const NEW = 'another horse 43'

/** A user with a confirmed address and one passkey. */
async function withPasskey(name: string): Promise<{ visitor: Visitor; device: Device }> {
  const visitor = await settled(site, name)
  const device = new Device()
  await addPasskey(site, visitor, device)
  return { visitor, device }
}

async function without(name: string): Promise<{ visitor: Visitor; device: Device }> {
  const found = await withPasskey(name)
  const response = await found.visitor.send(await found.visitor.open(PAGE), {}, REMOVE)
  assert.is(response.headers.location, '/account/', response.text)
  return found
}

async function hashOf(name: string): Promise<string | undefined> {
  const [row] = await site.rows<{ password_hash: string }>(
    'select password_hash from users where name = ?',
    name,
  )
  return row?.password_hash
}

async function isIn(visitor: Visitor): Promise<boolean> {
  return (await visitor.open('/account/')).status === 200
}

async function confirmed(visitor: Visitor, page: Page, device: Device): Promise<Page> {
  const fields = new URLSearchParams(page.$('#confirm').serialize())
  fields.set('credential', device.use(page, { origin: site.address }))
  return visitor.post('/password/confirm/passkey/', fields.toString())
}

test('with a passkey and a confirmed address the password can be removed', async () => {
  const { visitor, device } = await withPasskey('Anna')
  const elsewhere = site.visitor()
  await elsewhere.logIn('Anna')
  site.clock.advance(1)
  const page = await visitor.open(PAGE)
  await visitor.send(page, {}, REMOVE)
  const again = await visitor.send(page, {}, REMOVE)
  assert.is(again.headers.location, '/account/', 'a form submitted again removes it once')
  assert.match(
    (await visitor.open('/account/')).messages().join(),
    'Your password is removed. You now log in with a passkey. All other devices are logged out.',
  )
  assert.is(await hashOf('Anna'), '')
  assert.not.ok(await isIn(elsewhere))
  await site.mailThat('Anna@example.com', ({ text }) =>
    text.includes('The password of your account was removed'),
  )
  assert.is((await site.rows("select 1 from events where kind = 'password_removed'")).length, 1)
  assert.match(
    (await visitor.open('/account/activity/')).text,
    'Password removed, all other devices logged out',
  )
  const { account } = JSON.parse((await visitor.open('/account/export/json/')).text)
  assert.is(account.hasPassword, false)

  const other = site.visitor()
  await useToLogIn(site, other, device)
  assert.ok(await isIn(other))
})

test('the password no longer works, and gets the response of a wrong one', async () => {
  await without('Gone')
  await site.visitor().signUp('Usual')
  const responses = await Promise.all([
    site.visitor().logIn('Gone'),
    site.visitor().logIn('Usual', { password: 'mistyped' }),
    site.visitor().logIn('Gone', { password: '' }),
  ])
  assert.equal(
    responses.map((response) => response.messages()),
    [
      ['⚠ The password is not correct. Try again.'],
      ['⚠ The password is not correct. Try again.'],
      ['⚠ Enter your password.'],
    ],
  )
})

test('a recent password or passkey is needed', async () => {
  const { visitor, device } = await withPasskey('Late')
  const page = await visitor.open(PAGE)
  site.clock.advance(10 * MINUTE)
  const asked = await visitor.send(page, {}, REMOVE)
  assert.is(asked.status, 403)
  assert.not.equal(await hashOf('Late'), '')
  await confirmed(visitor, asked, device)
  await visitor.send(await visitor.open(PAGE), {}, REMOVE)
  assert.is(await hashOf('Late'), '')
})

test('with one passkey and no confirmed address the password cannot be removed, with two it can', async () => {
  const visitor = await site.visitor().settle('Unconfirmed')
  assert.is((await visitor.open(PAGE)).$('h2').length, 0, 'users without a passkey see nothing of it')
  await addPasskey(site, visitor, new Device())
  const page = await visitor.open(PAGE)
  assert.is(page.$(`form[action="${REMOVE}"]`).length, 0)
  assert.match(page.text, 'once you have a second passkey or a confirmed email address')
  const fields = new URLSearchParams(page.$('main form').serialize())
  const refused = await visitor.post(REMOVE, fields.toString())
  assert.is(refused.status, 403)
  assert.match(refused.messages().join(), 'Your password stays.')
  assert.not.equal(await hashOf('Unconfirmed'), '')
  await addPasskey(site, visitor, new Device())
  await visitor.send(await visitor.open(PAGE), {}, REMOVE)
  assert.is(await hashOf('Unconfirmed'), '')

  const [row] = await site.rows<{ id: string }>(
    "select passkeys.id from passkeys join users on users.id = user_id where users.name = 'Unconfirmed'",
  )
  const remove = `/account/passkeys/${row?.id}/remove/`
  const kept = await visitor.send(await visitor.open('/account/passkeys/'), {}, remove)
  assert.is(kept.status, 403)
  assert.match(kept.messages().join(), 'so it stays')
})

test('pages that ask for the password ask for the passkey, and restore what was typed', async () => {
  const { visitor, device } = await without('Asked')
  const page = await visitor.open('/members/recent/')
  site.clock.advance(10 * MINUTE)
  const asked = await visitor.send(page, { note: 'kept' })
  assert.equal(asked.messages(), ['⚠ Use your passkey first. Nothing has been changed yet.'])
  assert.is(asked.$('#confirm [type=password], #confirm button').length, 0)
  assert.match(asked.$('main').text(), 'choose a password by email')
  const posted = await visitor.send(asked, { password: PASSWORD })
  assert.is(posted.status, 406, 'the old password confirms nothing')
  await confirmed(visitor, asked, device)
  assert.is((await visitor.open('/members/recent/')).value('note'), 'kept')
})

test('setting a first password again, because the response was lost, shows the same message', async () => {
  const { visitor } = await without('Repeated')
  const page = await visitor.open(PAGE)
  const again = await sentTwice(site, visitor, page, { password: NEW, repassword: NEW })
  assert.match(await shownMessage(visitor, again), 'Your account has a password now.')
  assert.is((await site.visitor().logIn('Repeated', { password: NEW })).status, 303)
})

test('a password can be set again, after a passkey', async () => {
  const { visitor, device } = await without('Setting')
  site.clock.advance(10 * MINUTE)
  const { location = '' } = (await visitor.open(PAGE)).headers
  await confirmed(visitor, await visitor.open(location), device)
  const page = await visitor.open(PAGE)
  assert.is(page.$('[name=current]').length, 0)
  const short = await visitor.send(page, { password: 'abc', repassword: 'abc' })
  assert.is(short.status, 406)
  await visitor.send(page, { password: NEW, repassword: NEW })
  assert.match((await visitor.open('/account/')).messages().join(), 'Your account has a password now.')
  assert.is((await visitor.open(PAGE)).$('[name=current]').length, 1)
  const other = site.visitor()
  await other.logIn('Setting', { password: NEW })
  assert.ok(await isIn(other))
})

test('a reset by email sets a password again, and starts no session', async () => {
  await without('Resetting')
  const visitor = site.visitor()
  await visitor.send(await visitor.open('/password/forgot/'), { username: 'Resetting' })
  const mail = await site.mailThat('Resetting@example.com', ({ link }) => link.includes('/password/reset/'))
  await visitor.send(await visitor.follow(mail), { password: NEW, repassword: NEW })
  assert.not.ok(await isIn(visitor))
  site.clock.advance(1)
  await visitor.logIn('Resetting', { password: NEW })
  assert.ok(await isIn(visitor))
})

test.run()
