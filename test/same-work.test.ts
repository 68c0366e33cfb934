import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { PASSWORD, type Page, Site, until } from './support/helpers.js'
import { createToSignUp, Device, typeToSignUp } from './support/passkey.js'
import { turnOn } from './support/second-step.js'
import { workOf } from './support/statements.js'

/*
 * The time of a response must not reveal who has an account. So these tests compare the statements before each response
 * for known and for unknown names. What happens later begins after a random pause.
 */
const test = suite('same work for known and unknown')

const ENVIRONMENT = {
  LIMIT_MAIL_NETWORK: '1000/1h',
  LIMIT_SIGNUP_NETWORK: '1000/1h',
  LIMIT_TAKEN_NETWORK: '1000/1h',
  LIMIT_CODE_NETWORK: '1000/1h',
  LIMIT_CODE_SITE: '1000/1h',
}
const PRIVATE = { ...ENVIRONMENT, EMAIL_CONFIRMATION: 'required', PRIVATE_EMAILS: 'true' }
const TAKEN = 'anna@example.com'
const FREE = 'otto@example.com'

async function siteWithAnna(environment: Record<string, string>, host?: 'localhost'): Promise<Site> {
  const site = await Site.start({ environment, ...(host && { host }) })
  const visitor = site.visitor()
  await visitor.signUp('Anna', { email: TAKEN })
  const { code } = await site.mail(TAKEN)
  await visitor.send(await visitor.open('/email/confirm/'), { code })
  await site.emptyMailbox()
  return site
}

/** Returns what an observer can compare. */
async function seen(
  site: Site,
  response: () => Promise<Page>,
): Promise<{ status: number; before: string[] }> {
  const { result, before } = await workOf(site, response)
  return { status: result.status, before }
}

test('the statements before a response are recorded', async () => {
  const site = await siteWithAnna(ENVIRONMENT)
  const visitor = site.visitor()
  const form = await visitor.open('/login/')
  const { before } = await seen(site, () => visitor.send(form, { username: 'Anna', password: 'wrong' }))
  assert.ok(before.some((sql) => sql.includes('"users"')) && before.some((sql) => sql.includes('"limits"')))
  await site.close()
})

for (const [what, known, unknown] of [
  ['username', 'Anna', 'Otto'],
  ['email address', TAKEN, FREE],
] as const) {
  test(`login by ${what}: failures before, at and above a limit`, async () => {
    const site = await siteWithAnna(ENVIRONMENT)
    const failures = async (username: string) => {
      const visitor = site.visitor()
      const form = await visitor.open('/login/')
      const responses = []
      for (let time = 0; time < 7; time++) {
        responses.push(await seen(site, () => visitor.send(form, { username, password: 'wrong' })))
      }
      return responses
    }
    assert.equal(await failures(known), await failures(unknown))
    await site.close()
  })

  test(`password reset by ${what}: first request, second request, wrong code`, async () => {
    const site = await siteWithAnna(ENVIRONMENT)
    const asked = async (username: string) => {
      const visitor = site.visitor()
      const form = await visitor.open('/password/forgot/')
      const ask = () => visitor.send(form, { username })
      const responses = [await seen(site, ask), await seen(site, ask)]
      const page = await visitor.open('/password/reset/')
      responses.push(await seen(site, () => visitor.send(page, { code: '12345678' })))
      return responses
    }
    assert.equal(await asked(known), await asked(unknown))
    await site.close()
  })
}

test('login: a wrong password with and without two-step verification', async () => {
  const site = await siteWithAnna(ENVIRONMENT)
  const failures = async () => {
    const visitor = site.visitor()
    const form = await visitor.open('/login/')
    return seen(site, () => visitor.send(form, { username: 'Anna', password: 'wrong' }))
  }
  const without = await failures()
  const visitor = site.visitor()
  await visitor.logIn('Anna')
  for (const path of ['/', '/account/', '/account/devices/']) {
    const { before } = await seen(site, () => visitor.open(path))
    assert.not.match(before.join(), /authenticator_apps|recovery_/, path)
  }
  await turnOn(site, visitor)
  assert.equal(await failures(), without)
  await site.close()
})

test('private email addresses: sign-up, wrong code, another email, correction', async () => {
  const site = await siteWithAnna(PRIVATE)
  let made = 0
  const walk = async (email: string, corrected: string) => {
    const visitor = site.visitor()
    const form = await visitor.open('/signup/')
    const password = { password: PASSWORD, repassword: PASSWORD }
    const responses = [
      await seen(site, () => visitor.send(form, { username: `guest ${++made}`, email, ...password })),
      await seen(site, () => visitor.send(form, { username: '', email, ...password })),
    ]
    const page = await visitor.open('/email/confirm/')
    responses.push(await seen(site, () => visitor.send(page, { code: '12345678' })))
    responses.push(await seen(site, () => visitor.send(page, {}, '/email/confirm/send/')))
    const correcting = await visitor.open('/email/confirm/address/')
    responses.push(await seen(site, () => visitor.send(correcting, { email: corrected })))
    return responses
  }
  assert.equal(await walk(TAKEN, 'gusi@example.com'), await walk(FREE, TAKEN))
  await site.close()
})

test('private email addresses: sign-up with a passkey', async () => {
  const site = await siteWithAnna(PRIVATE, 'localhost')
  const walk = async (username: string, email: string) => {
    const visitor = site.visitor()
    const typed = await seen(site, () => typeToSignUp(visitor, { username, email }))
    const page = await visitor.open('/signup/passkey/')
    return [typed, await seen(site, () => createToSignUp(site, visitor, page, new Device()))]
  }
  const taken = await walk('guest 1', TAKEN)
  assert.equal(
    taken.map(({ status }) => status),
    [303, 303],
  )
  assert.equal(taken, await walk('guest 2', FREE))
  await site.close()
})

test('further work for existing accounts begins after the response', async () => {
  const site = await siteWithAnna(ENVIRONMENT)
  const visitor = site.visitor()
  const login = await visitor.open('/login/')
  for (let time = 0; time < 4; time++) await visitor.send(login, { username: 'Anna', password: 'wrong' })
  const fifth = await workOf(site, () => visitor.send(login, { username: 'Anna', password: 'wrong' }))
  await until(async () => fifth.after.length > 0)
  assert.not.match(fifth.before.join(), 'insert into "mails"')
  assert.match(fifth.after.join(), 'insert into "mails"')
  assert.match((await site.mail(TAKEN)).subject, 'failed logins')
  await site.emptyMailbox()
  const forgot = await visitor.open('/password/forgot/')
  const asked = await workOf(site, () => visitor.send(forgot, { username: 'Anna' }))
  assert.not.match(asked.before.join(), '"users"')
  assert.match((await site.mail(TAKEN)).text, 'Your username is Anna')
  await site.close()
})

test.run()
