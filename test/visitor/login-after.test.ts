import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Mail, PASSWORD, type Page, Site, type Visitor } from '../support/helpers.js'
import { sentTwice } from '../support/lost-response.js'
import { codeAt, turnOn } from '../support/second-step.js'

const test = suite('loginAfter')
const NEW = 'another horse 43'
const LIMITS = { LIMIT_SIGNUP_NETWORK: '1000/1h', LIMIT_MAIL_NETWORK: '1000/1h', LIMIT_CODE_SITE: '1000/1h' }
const ALL = { ...LIMITS, LOGIN_AFTER: 'signup,confirmation,reset' }
let site: Site
/** A site where an address must be confirmed before the first login. */
let strict: Site
let made = 0

test.before(async () => {
  site = await Site.start({ environment: ALL, places: { afterSignup: '/welcome/' } })
  strict = await Site.start({ environment: { ...ALL, EMAIL_CONFIRMATION: 'required' } })
})
test.after(async () => {
  await site.close()
  await strict.close()
})
test.after.each(async () => {
  await site.emptyMailbox()
  await strict.emptyMailbox()
})

async function nameOf(visitor: Visitor): Promise<string | undefined> {
  const page = await visitor.open('/account/')
  return page.status === 200 ? page.$('main').text() : undefined
}

async function isLoggedInAs(visitor: Visitor, name: string): Promise<boolean> {
  return (await nameOf(visitor))?.includes(name) ?? false
}

async function sessionsOf(site: Site, name: string): Promise<string[]> {
  const found = await site.rows<{ methods: string }>(
    'select methods from sessions join users on users.id = user_id where name = ?',
    name,
  )
  return found.map(({ methods }) => methods)
}

async function newcomer(at: Site, options = {}): Promise<{ visitor: Visitor; name: string; mail: Mail }> {
  const name = `after${++made}`
  const visitor = at.visitor(options)
  await visitor.signUp(name)
  return { visitor, name, mail: await at.mail(`${name}@example.com`) }
}

async function resetLink(at: Site, name: string): Promise<Mail> {
  await at.emptyMailbox()
  const asking = at.visitor()
  await asking.send(await asking.open('/password/forgot/'), { username: name })
  return at.mail(`${name}@example.com`)
}

function choose(visitor: Visitor, page: Page): Promise<Page> {
  return visitor.send(page, { password: NEW, repassword: NEW })
}

for (const htmx of [false, true]) {
  const kind = htmx ? 'htmx' : 'a plain browser'

  test(`${kind}: sign-up logs in if the option says so`, async () => {
    const name = `after${++made}`
    const visitor = site.visitor({ htmx })
    const done = await visitor.signUp(name)
    if (htmx) assert.equal(done.messages(), [`✔ Your account ${name} is ready, and you are logged in.`])
    else assert.is(done.headers.location, '/welcome/')
    assert.ok(await isLoggedInAs(visitor, name))
    assert.equal(await sessionsOf(site, name), ['password'])
    await site.allSent()
    assert.is((await site.mails(`${name}@example.com`)).length, 1, 'no email about a new device')
  })

  test(`${kind}: the code logs in in the browser that signed up`, async () => {
    const { visitor, name, mail } = await newcomer(strict, { htmx })
    assert.equal(await sessionsOf(strict, name), [])
    const page = await visitor.open('/email/confirm/')
    await visitor.send(page, { code: mail.code })
    assert.ok(await isLoggedInAs(visitor, name))
    assert.equal(await sessionsOf(strict, name), ['password'])
  })

  test(`${kind}: a reset logs in`, async () => {
    const { name } = await newcomer(site)
    const visitor = site.visitor({ htmx })
    const done = await choose(visitor, await visitor.follow(await resetLink(site, name)))
    const page = htmx ? done : await visitor.open(done.headers.location ?? '')
    assert.equal(page.messages(), [
      '✔ Your password has been changed. You are logged in here, and logged out everywhere else.',
    ])
    assert.ok(await isLoggedInAs(visitor, name))
    assert.equal(await sessionsOf(site, name), ['password'])
  })
}

test('the link logs in in the browser that signed up', async () => {
  const { visitor, name, mail } = await newcomer(strict)
  await visitor.send(await visitor.follow(mail))
  assert.ok(await isLoggedInAs(visitor, name))
})

test('in another browser the link logs in with the password, and never without', async () => {
  const { name, mail } = await newcomer(strict)
  const other = strict.visitor()
  const page = await other.follow(mail)
  assert.is((await other.send(page)).status, 406)
  assert.is((await other.send(page, { password: 'wrong horse 42' })).status, 406)
  assert.equal(await sessionsOf(strict, name), [])
  await other.send(page, { password: PASSWORD })
  assert.ok(await isLoggedInAs(other, name))
})

test('a stranger’s link does not replace the logged-in user', async () => {
  const { visitor: own, name, mail } = await newcomer(strict)
  await own.send(await own.open('/email/confirm/'), { code: mail.code })
  const stranger = await newcomer(strict)
  const page = await own.follow(stranger.mail)
  await own.send(page, { password: PASSWORD })
  assert.ok(await isLoggedInAs(own, name), 'after a confirmation')
  const link = await resetLink(strict, stranger.name)
  await choose(own, await own.follow(link))
  assert.ok(await isLoggedInAs(own, name), 'after a reset')
  assert.equal(await sessionsOf(strict, stranger.name), [])
})

test('a form whose response was lost logs in when it is sent again, once', async () => {
  const signup = site.visitor()
  const name = `after${++made}`
  const typed = { username: name, email: `${name}@example.com`, password: PASSWORD, repassword: PASSWORD }
  await sentTwice(site, signup, await signup.open('/signup/'), typed)
  assert.ok(await isLoggedInAs(signup, name), 'sign-up')
  assert.equal(await sessionsOf(site, name), ['password'])

  const confirming = await newcomer(strict)
  const { code } = confirming.mail
  await sentTwice(strict, confirming.visitor, await confirming.visitor.open('/email/confirm/'), { code })
  assert.ok(await isLoggedInAs(confirming.visitor, confirming.name), 'confirmation')
  assert.equal(await sessionsOf(strict, confirming.name), ['password'])

  const resetting = site.visitor()
  const page = await resetting.follow(await resetLink(site, name))
  await sentTwice(site, resetting, page, { password: NEW, repassword: NEW })
  assert.ok(await isLoggedInAs(resetting, name), 'reset')
  assert.equal(await sessionsOf(site, name), ['password'])
})

test('with two-step verification the code follows', async () => {
  const { visitor: owner, name, mail } = await newcomer(site)
  await owner.send(await owner.open('/email/confirm/'), { code: mail.code })
  const { secret } = await turnOn(site, owner)
  const visitor = site.visitor()
  const done = await choose(visitor, await visitor.follow(await resetLink(site, name)))
  assert.is(done.headers.location, '/login/two-step/')
  assert.equal(await sessionsOf(site, name), [])
  const step = await visitor.open('/login/two-step/')
  assert.match(step.messages()[0] ?? '', 'One more step logs you in.')
  await visitor.send(step, { code: codeAt(secret, site.clock.time) })
  assert.ok(await isLoggedInAs(visitor, name))
})

test.run()
