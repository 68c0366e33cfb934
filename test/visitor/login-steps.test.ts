import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { HOUR } from '../../src/base/durations.js'
import { PASSWORD, type Page, Site, type Visitor } from '../support/helpers.js'

const test = suite('a half login')
let site: Site

test.before(async () => {
  const LIMITS = { LIMIT_MAIL_NETWORK: '1000/1h', LIMIT_SIGNUP_NETWORK: '1000/1h' }
  site = await Site.start({ environment: LIMITS })
})
test.after(() => site.close())
test.after.each(() => site.emptyMailbox())

const PATH = '/email/confirm/address/'
const NEW = 'another horse 43'
let made = 0

interface Newcomer {
  visitor: Visitor
  name: string
  email: string
  /** The cookies right after the sign-up. */
  copy: string
}

async function newcomer(): Promise<Newcomer> {
  const name = `user ${++made}`
  const email = `user${made}@example.com`
  const visitor = site.visitor()
  const page = await visitor.signUp(name, { email })
  return { visitor, name, email, copy: cookieOf(page) }
}

function cookieOf(page: Page): string {
  return page.cookieHeader
}

async function emailOf({ name }: Newcomer): Promise<string | undefined> {
  return (await site.rows<{ email: string }>('select email from users where name = ?', name))[0]?.email
}

/** Tries to correct the email address with only this cookie, and returns whether that worked. */
async function isCorrectedWith(cookie: string, someone: Newcomer): Promise<boolean> {
  const thief = site.visitor()
  const email = `thief-of-${someone.email}`
  const page = await thief.open(PATH, { Cookie: cookie })
  const [token = ''] = [page.value('_csrf')]
  const body = new URLSearchParams({ _csrf: token, _once: 'once', email })
  await thief.post(`${PATH}verify/`, body.toString(), { Cookie: cookie })
  return (await emailOf(someone)) === email
}

test('can correct the address for an hour, and the old address is emailed', async () => {
  const someone = await newcomer()
  await site.emptyMailbox()
  site.clock.advance(HOUR - 1)
  const page = await someone.visitor.open(PATH)
  await someone.visitor.send(page, { email: `right-${someone.email}` })
  assert.is(await emailOf(someone), `right-${someone.email}`)
  const told = await site.mail(someone.email)
  assert.is(told.link, '/login/')
  for (const secret of [someone.name, 'right-']) assert.not.match(told.subject + told.text, secret)
})

test('ends after an hour, also for open pages', async () => {
  const someone = await newcomer()
  const page = await someone.visitor.open(PATH)
  assert.is(page.status, 200)
  site.clock.advance(HOUR)
  for (const response of [
    await someone.visitor.send(page, { email: `late-${someone.email}` }),
    await someone.visitor.open(PATH),
    await someone.visitor.open('/email/confirm/'),
  ]) {
    assert.match(response.headers.location ?? '', '/login/?next=')
  }
  assert.not(await isCorrectedWith(someone.copy, someone))
  assert.is(await emailOf(someone), someone.email)
})

const ENDS: Record<string, (someone: Newcomer) => Promise<unknown>> = {
  'a login in that browser': ({ visitor, name }) => visitor.logIn(name),
  'a login in another browser': ({ name }) => site.visitor().logIn(name),
  'a login and a logout': async ({ visitor, name }) => {
    await visitor.logIn(name)
    await visitor.send(await visitor.open('/logout/'))
  },
  'a password reset': async ({ name, email }) => {
    const reader = site.visitor()
    await site.emptyMailbox()
    await reader.send(await reader.open('/password/forgot/'), { username: name })
    const page = await reader.follow(await site.mail(email))
    await reader.send(page, { password: NEW, repassword: NEW })
  },
  'log out everywhere': async ({ name }) => {
    const stamp = `update users set device_stamp = 'another' where name = '${name}'`
    await site.write(stamp)
  },
  'being disabled': ({ name }) => site.write(`update users set disabled_at = 1 where name = '${name}'`),
  'being closed': ({ name }) =>
    site.write(`update users set closed_at = ${site.clock.time} where name = '${name}'`),
}

for (const [what, end] of Object.entries(ENDS)) {
  test(`ends with ${what}, also for copies of the cookie`, async () => {
    const someone = await newcomer()
    await end(someone)
    site.clock.advance(1)
    assert.not(await isCorrectedWith(someone.copy, someone))
  })
}

test('does not start again if the sign-up is submitted again after "log out everywhere"', async () => {
  const visitor = site.visitor()
  const form = await visitor.open('/signup/')
  const typed = {
    username: 'repeated',
    email: 'repeated@example.com',
    password: PASSWORD,
    repassword: PASSWORD,
  }
  await visitor.send(form, typed)
  assert.is((await visitor.open(PATH)).status, 200)
  await site.write(`update users set device_stamp = 'another' where name = 'repeated'`)
  const again = await visitor.send(form, typed)
  assert.is(again.status, 303)
  assert.match((await visitor.open(PATH)).headers.location ?? '', '/login/?next=')
})

test('works from a copy of the cookie until then', async () => {
  const someone = await newcomer()
  assert.ok(await isCorrectedWith(someone.copy, someone))
})

test('ends with a logout in this browser', async () => {
  const { visitor } = await newcomer()
  await visitor.post('/logout/', '')
  assert.match((await visitor.open(PATH)).headers.location ?? '', '/login/?next=')
})

test('starts with the password if confirmation is required, and keeps next', async () => {
  const strict = await Site.start({ environment: { EMAIL_CONFIRMATION: 'required' } })
  const visitor = strict.visitor()
  await visitor.signUp('Anna')
  const mail = await strict.mail('Anna@example.com')
  const login = await visitor.open('/login/?next=%2Fmembers%2F')
  await visitor.send(login, { username: 'Anna', password: PASSWORD, keep: '1' })
  assert.is((await visitor.open('/email/confirm/')).status, 200)
  const confirmed = await visitor.send(await visitor.open('/email/confirm/'), { code: mail.code })
  const again = await visitor.open(confirmed.headers.location ?? '')
  assert.is(again.value('next'), '/members/')
  assert.ok(again.$('[name=keep]').is('[checked]'))

  await strict.visitor().signUp('Bela')
  const late = strict.visitor()
  await late.logIn('Bela')
  strict.clock.advance(HOUR)
  assert.match((await late.open('/email/confirm/')).headers.location ?? '', '/login/?next=')
  await late.logIn('Bela')
  assert.is((await late.open('/email/confirm/')).status, 200, 'the password begins another hour')
  await strict.write("update users set device_stamp = 'another' where name = 'Bela'")
  assert.match((await late.open('/email/confirm/')).headers.location ?? '', '/login/?next=')
  await strict.close()
})

test.run()
