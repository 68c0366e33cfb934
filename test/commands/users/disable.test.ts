import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { DAY } from '../../../src/base/durations.js'
import { assertDone, assertRefused, callGatehouse, type Outcome } from '../../support/calling.js'
import { migratedDatabase, PASSWORD, type Page, Site, type Visitor } from '../../support/helpers.js'

const test = suite('gatehouse users disable')
let database: string
let site: Site

test.before.each(async () => {
  database = await migratedDatabase()
  site = await Site.start({ database })
})
test.after.each(() => site.close())

const SENTENCE = '⚠ This account is disabled. Contact the people who run this site.'

function call(...args: string[]): Promise<Outcome> {
  return callGatehouse(['users', ...args], { database })
}

/** Returns a user's browser, and a thief's with a copy of its cookie. */
async function withThief(name: string): Promise<{ visitor: Visitor; thief: Visitor }> {
  await site.visitor().signUp(name)
  const visitor = site.visitor()
  const [cookie = ''] = (await visitor.logIn(name)).sessionCookie.split(';')
  const thief = site.visitor()
  thief.agent.set('Cookie', cookie)
  return { visitor, thief }
}

async function isLoggedIn(visitor: Visitor): Promise<boolean> {
  return (await visitor.open('/members/')).status === 200
}

/** Returns the messages of refused logins by username and by email address. */
async function refusals(name: string, password: string): Promise<string[]> {
  const responses: Page[] = []
  for (const username of [name, `${name}@example.com`]) {
    for (const htmx of [false, true])
      responses.push(await site.visitor({ htmx }).logIn(username, { password }))
  }
  assert.ok(responses.every(({ status }) => status === 406))
  return responses.flatMap((response) => response.messages())
}

test('a disabled user is logged out, and can log in once enabled', async () => {
  const { visitor, thief } = await withThief('Anna')
  const form = await visitor.open('/members/recent/')
  assert.ok((await isLoggedIn(visitor)) && (await isLoggedIn(thief)))
  const disabled = await call('disable', 'anna', '--reason', 'Sends <b>spam</b>')
  assertDone(disabled)
  assert.match(disabled.stdout, /^Disabled Anna\. Sessions ended: /)
  assert.not.ok(await isLoggedIn(visitor))
  assert.not.ok(await isLoggedIn(thief))
  assert.is((await visitor.send(form, { note: 'late' })).status, 403)
  assert.equal(await refusals('Anna', PASSWORD), [SENTENCE, SENTENCE, SENTENCE, SENTENCE])
  assert.not.match(
    (await refusals('Anna', 'a wrong one')).join(),
    'disabled',
    'only the right password reveals it',
  )
  assert.is((await site.visitor().open('/users/anna/')).status, 404)
  assert.equal(await site.rows('select id from sessions'), [])
  assertRefused(await call('disable', 'anna'), 1, /^Anna is already disabled\./)

  assertDone(await call('enable', 'anna'))
  assertRefused(await call('enable', 'anna'), 1, /^Anna is not disabled\./)
  assert.not.ok(await isLoggedIn(thief))
  await visitor.logIn('Anna')
  assert.ok(await isLoggedIn(visitor))
  const history = (await visitor.open('/account/activity/')).$('main').text()
  assert.match(history, 'Account disabled by the site, all devices logged out: Sends <b>spam</b>')
  assert.match(history, 'Account enabled again by the site')
})

test('a session created during the disabling does not work', async () => {
  const { visitor } = await withThief('Cora')
  await site.write('update users set disabled_at = 1')
  assert.not.ok(await isLoggedIn(visitor))
  await visitor.logIn('Cora')
  await site.write('update users set disabled_at = null')
  const { visitor: other } = await withThief('Dora')
  const [cookie = ''] = (await other.open('/')).sessionCookie.split(';')
  await site.write('update users set disabled_at = 1')
  assertDone(await call('enable', 'Dora'))
  assert.not.ok(await isLoggedIn(other), cookie)
})

test('links of a disabled account do not work until it is enabled', async () => {
  await site.visitor().signUp('Erna')
  const confirmation = await site.mail('Erna@example.com')
  await site.emptyMailbox()
  const forgetful = site.visitor()
  await forgetful.send(await forgetful.open('/password/forgot/'), { username: 'Erna' })
  const reset = await site.mail('Erna@example.com')
  await site.emptyMailbox()
  const reader = site.visitor()
  const choosing = await reader.follow(reset)
  assert.is(choosing.status, 200)

  assertDone(await call('disable', 'Erna'))
  const passwords = { password: 'another horse 43', repassword: 'another horse 43' }
  assert.is((await reader.send(choosing, passwords)).status, 410)
  assert.is((await reader.follow(reset)).status, 410)
  assert.is((await site.visitor().follow(confirmation)).status, 410)
  const coded = await forgetful.send(await forgetful.open('/password/reset/'), { code: reset.code })
  assert.is(coded.status, 406)
  const asking = site.visitor()
  const asked = await asking.send(await asking.open('/password/forgot/'), { username: 'Erna@example.com' })
  assert.is(asked.status, 303, 'the page does not reveal it')
  await site.emptyMailbox()
  assert.equal(await site.rows('select hash from tokens where used_at is not null'), [])
  assert.is((await site.rows("select hash from tokens where purpose = 'password-reset'")).length, 1)

  assertDone(await call('enable', 'Erna'))
  await reader.send(await reader.follow(reset), passwords)
  await reader.logIn('Erna', { password: 'another horse 43' })
  assert.ok(await isLoggedIn(reader))
})

test('a disabled account cannot be reopened by its link', async () => {
  const { visitor } = await withThief('Fora')
  await site.emptyMailbox()
  await visitor.send(await visitor.open('/account/close/'))
  const mail = await site.mail('Fora@example.com')
  assertDone(await call('disable', 'Fora'))
  assert.is((await site.visitor().follow(mail)).status, 410)
  assertDone(await call('enable', 'Fora'))
  const reader = site.visitor()
  await reader.send(await reader.follow(mail))
  assert.equal(await site.rows('select closed_at from users'), [{ closed_at: null }])
})

test('the code of a disabled account does not confirm its address', async () => {
  const visitor = site.visitor()
  await visitor.signUp('Gora')
  const { code } = await site.mail('Gora@example.com')
  const page = await visitor.open('/email/confirm/')
  assert.is(page.status, 200)
  assertDone(await call('disable', 'Gora'))
  assert.is((await visitor.send(page, { code })).headers.location, '/login/?next=%2Femail%2Fconfirm%2F')
  assert.equal(await site.rows('select email_confirmed_at from users'), [{ email_confirmed_at: null }])
})

test('a reason is one line of up to 200 characters', async () => {
  await site.visitor().signUp('Hora')
  const sentence = /^--reason must be one line of up to 200 characters/
  assertRefused(await call('disable', 'Hora', '--reason', 'a\nb'), 2, sentence)
  assertRefused(await call('disable', 'Hora', '--reason', 'x'.repeat(201)), 2, sentence)
  site.clock.advance(DAY)
  assert.equal(await site.rows('select disabled_at from users'), [{ disabled_at: null }])
})

test.run()
