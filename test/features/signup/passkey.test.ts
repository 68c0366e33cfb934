import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { DAY, MINUTE } from '../../../src/base/durations.js'
import type { AccountEvent } from '../../../src/index.js'
import { Mailbox } from '../../../src/testing.js'
import { PASSWORD, type Page, Site, until, type Visitor } from '../../support/helpers.js'
import { Host } from '../../support/host.js'
import { createToSignUp, Device, typeToSignUp, useToLogIn } from '../../support/passkey.js'

const test = suite('signup/passkey')
const TYPED = '/signup/passkey/'
const CREATED = '/signup/passkey/verify/'
const REQUIRED = {
  EMAIL_CONFIRMATION: 'required',
  LIMIT_SIGNUP_NETWORK: '1000/1h',
  LIMIT_MAIL_NETWORK: '1000/1h',
}
const told: AccountEvent[] = []
let site: Site

test.before(async () => {
  site = await Site.start({
    host: 'localhost',
    environment: REQUIRED,
    onEvent: (event) => void told.push(event),
  })
})
test.after(() => site.close())

const emailOf = (name: string) => `${name.replaceAll(' ', '')}@example.com`

function type(visitor: Visitor, username: string, more: Record<string, string> = {}): Promise<Page> {
  return typeToSignUp(visitor, { username, email: emailOf(username), ...more })
}

interface Begun {
  visitor: Visitor
  page: Page
}

async function begin(name: string, { htmx = false, at = site } = {}): Promise<Begun> {
  const visitor = at.visitor({ htmx })
  const leading = await type(visitor, name)
  assert.is(leading.headers[htmx ? 'hx-redirect' : 'location'], TYPED, leading.text)
  return { visitor, page: await visitor.open(TYPED) }
}

function create({ visitor, page }: Begun, device: Device, ceremony = {}, at = site): Promise<Page> {
  return createToSignUp(at, visitor, page, device, ceremony)
}

async function signUp(name: string, options: { htmx?: boolean; at?: Site } = {}) {
  const begun = await begin(name, options)
  const device = new Device()
  return { ...begun, device, response: await create(begun, device, {}, options.at) }
}

function logIn(visitor: Visitor, device: Device): Promise<Page> {
  return useToLogIn(site, visitor, device)
}

async function confirm(visitor: Visitor, name: string): Promise<Page> {
  const { code } = await site.mail(emailOf(name))
  return visitor.send(await visitor.open('/email/confirm/'), { code })
}

const usersCalled = (name: string) =>
  site.rows<{ id: string; password_hash: string }>('select id, password_hash from users where name = ?', name)

const passkeysOf = (name: string) =>
  site.rows<{ id: string }>(
    'select passkeys.id from passkeys join users on users.id = user_id where users.name = ?',
    name,
  )

async function challenges(): Promise<number> {
  return (await site.rows('select 1 from spent_challenges')).length
}

function assertRefused(page: Page, status: number, message: string): void {
  assert.is(page.status, status)
  assert.match(page.messages().join(), message)
}

const TAKEN = 'This username is already taken.'
const WRONG = 'The passkey did not work. Try again, or use another way.'
const OLD = 'This page was open for too long, or was already used. Nothing is lost: press the button again.'

for (const htmx of [false, true]) {
  test(`${htmx ? 'htmx' : 'plain'}: an account with a passkey and no password is created, confirmed and logged in to`, async () => {
    const name = `Anna ${htmx}`
    const { visitor, device, response } = await signUp(name, { htmx })
    assert.is(htmx ? response.onward : response.headers.location, '/email/confirm/', response.text)
    const told = htmx ? response : await visitor.open('/email/confirm/')
    assert.match(told.messages().join(), `Your account ${name} is almost ready.`)
    assert.is((await usersCalled(name))[0]?.password_hash, '')
    assert.equal(await passkeysOf(name), [{ id: device.id.toString('base64url') }])

    await confirm(visitor, name)
    await logIn(visitor, device)
    await site.allSent()
    const account = await visitor.open('/account/')
    assert.match(account.text, name)
    assert.equal(
      (await site.mails(emailOf(name))).map(({ subject }) => subject),
      ['Confirm your email address for Gatehouse'],
      'nothing else is emailed: no login on a new device',
    )
    await visitor.send(await visitor.open('/logout/'))
    assert.is((await visitor.logIn(name, { password: '' })).status, 406)
  })
}

test('the passkey belongs to the account, whose activity and export show it', async () => {
  const { page, visitor, device } = await signUp('Bound')
  const { create: options } = JSON.parse(page.$('[data-passkey]').attr('data-passkey') ?? '')
  const [user] = await usersCalled('Bound')
  assert.is(Buffer.from(options.user.id, 'base64url').toString(), user?.id)
  assert.equal([options.user.name, options.attestation], ['Bound', 'none'])
  assert.equal(options.authenticatorSelection.residentKey, 'required')
  await confirm(visitor, 'Bound')
  await logIn(visitor, device)
  await until(() => told.filter(({ userId }) => userId === user?.id).length >= 4, 'all events')
  assert.equal(
    told
      .filter(({ userId }) => userId === user?.id)
      .map(({ kind }) => kind)
      .sort(),
    ['email_confirmed', 'logged_in', 'passkey_added', 'signed_up'],
  )
  const { text } = await visitor.open('/account/export/')
  assert.match(text, 'Passkeys')
  const removal = await visitor.open('/account/passkeys/')
  const refused = await visitor.send(
    removal,
    {},
    `/account/passkeys/${device.id.toString('base64url')}/remove/`,
  )
  assert.is(refused.status, 403, 'the last way to log in stays')
})

test('input is checked first, and no passkey is requested if it is refused', async () => {
  await site.visitor().signUp('Early', { email: 'early@example.com' })
  for (const htmx of [false, true]) {
    const visitor = site.visitor({ htmx })
    const page = await type(visitor, 'early', { email: 'early@example.com' })
    assert.is(page.status, 406)
    assert.equal(page.messages(), [`⚠ ${TAKEN}`, '⚠ There is already an account with this email address.'])
    assert.is(page.fieldError('password'), '')
    assert.equal((await type(visitor, '', { email: '' })).messages(), [
      '⚠ Choose a username.',
      '⚠ Enter your email address.',
    ])
    assert.is((await visitor.open(TYPED)).headers.location, '/signup/')
  }
})

test('no row is written before a passkey is created', async () => {
  const before = await challenges()
  const { visitor, page } = await begin('Rowless')
  await visitor.open(TYPED)
  for (const credential of ['', 'error NotAllowedError', '{}', 'x'.repeat(16_385)]) {
    assert.is((await visitor.send(page, { credential }, CREATED)).status, 406)
  }
  assert.is(await challenges(), before)
  assert.equal(await usersCalled('Rowless'), [])
})

test('canceling is not an error, and the password form keeps what was typed', async () => {
  const { visitor, page } = await begin('Cancels')
  const canceled = await visitor.send(page, { credential: 'error NotAllowedError' }, CREATED)
  assert.equal(canceled.messages(), [])
  assert.match(canceled.$('#messages').text(), 'No passkey was created.')
  const form = await visitor.open('/signup/')
  assert.equal([form.value('username'), form.value('email')], ['Cancels', 'Cancels@example.com'])
  await visitor.send(form, { password: PASSWORD, repassword: PASSWORD })
  assert.match((await usersCalled('Cancels'))[0]?.password_hash ?? '', /^\$argon2id/)
  assert.not.ok((await visitor.open('/signup/')).value('username'), 'what was typed is forgotten')
})

test('a wrong passkey creates nothing, and uses up its challenge', async () => {
  const begun = await begin('Wrong')
  const bad = [
    { origin: 'https://example.com' },
    { clientData: { crossOrigin: true } },
    { clientData: { topOrigin: 'https://example.com' } },
    { clientData: { type: 'webauthn.get' } },
  ]
  for (const ceremony of bad) {
    const page = await begun.visitor.open(TYPED)
    assertRefused(await create({ ...begun, page }, new Device(), ceremony), 406, WRONG)
  }
  const page = await begun.visitor.open(TYPED)
  assertRefused(await create({ ...begun, page }, new Device(), { origin: 'https://example.com' }), 406, WRONG)
  assertRefused(await create({ ...begun, page }, new Device()), 403, OLD)
  assert.equal(await usersCalled('Wrong'), [])
})

test('a challenge works once, in its own browser, for its own account, and for nothing else', async () => {
  const one = await begin('One')
  const two = await begin('Two')
  const credential = new Device().create(one.page, { origin: site.address })
  assertRefused(await two.visitor.send(two.page, { credential }, CREATED), 403, OLD)
  const again = await begin('Another')
  await type(again.visitor, 'Later')
  const later = await again.visitor.open(TYPED)
  assertRefused(
    await create({ visitor: again.visitor, page: again.page }, new Device()),
    403,
    'opened for another account',
  )
  const ofFirst = new Device().create(again.page, { origin: site.address })
  assertRefused(await again.visitor.send(later, { credential: ofFirst }, CREATED), 403, OLD)
  const login = await one.visitor.open('/login/')
  const { get } = JSON.parse(login.$('[data-passkey]').attr('data-passkey') ?? '')
  const foreign = new Device().create(one.page, {
    origin: site.address,
    clientData: { challenge: get.challenge },
  })
  assertRefused(await one.visitor.send(one.page, { credential: foreign }, CREATED), 403, OLD)
  one.page = await one.visitor.open(TYPED)
  assert.is((await create(one, new Device())).status, 303)
})

test('what was typed is kept for 30 minutes', async () => {
  const begun = await begin('Slow')
  site.clock.advance(29 * MINUTE)
  begun.page = await begun.visitor.open(TYPED)
  assert.is(begun.page.status, 200)
  site.clock.advance(MINUTE)
  const late = await create(begun, new Device())
  assertRefused(late, 403, 'This page was open for too long, or was already used. Start again.')
  assert.is((await begun.visitor.open(TYPED)).headers.location, '/signup/')
})

test('a form submitted twice creates one account, and says so twice', async () => {
  for (const isParallel of [false, true]) {
    const name = `Twice ${isParallel}`
    const { visitor, page } = await begin(name)
    const fields = new URLSearchParams(page.$('main form').serialize())
    fields.set('credential', new Device().create(page, { origin: site.address }))
    const Cookie = visitor.agent.jar
      .getCookies({ path: '/', domain: '127.0.0.1', secure: false, script: false })
      .toValueString()
    const send = () => site.visitor().post(CREATED, fields.toString(), { Cookie })
    const responses = isParallel ? await Promise.all([send(), send()]) : [await send(), await send()]
    assert.equal(
      responses.map(({ headers }) => headers.location),
      ['/email/confirm/', '/email/confirm/'],
    )
    assert.is((await passkeysOf(name)).length, 1)
  }
})

test('if the username was taken in the meantime, the passkey is refused and the device is told', async () => {
  const begun = await begin('Raced')
  await site.visitor().signUp('Raced', { email: 'faster@example.com' })
  const device = new Device()
  const late = await create(begun, device)
  assertRefused(late, 406, TAKEN)
  assert.equal(JSON.parse(late.$('[data-signal]').attr('data-signal') ?? ''), [
    ['signalUnknownCredential', { rpId: 'localhost', credentialId: device.id.toString('base64url') }],
  ])
  assert.equal(await passkeysOf('Raced'), [])
})

test('a passkey of another account creates no account, and the device is not told', async () => {
  const { device } = await signUp('First')
  const begun = await begin('Second')
  const late = await create(begun, device)
  assertRefused(late, 406, WRONG)
  assert.is(late.$('[data-signal]').attr('data-signal'), undefined)
  assert.equal(await usersCalled('Second'), [])
  assert.is((await passkeysOf('First')).length, 1)
})

const WITHOUT_RESET = { 'password/forgot': false, 'password/reset': false, 'account/email': false }

test('it is not offered where a lost passkey would lock its user out', async () => {
  const places = [
    { host: 'localhost' },
    { environment: REQUIRED },
    { host: 'localhost', environment: REQUIRED, features: { 'account/passkeys': false } },
    { host: 'localhost', environment: REQUIRED, features: WITHOUT_RESET },
    { host: 'localhost', environment: { ...REQUIRED, CONFIRMATION_GRACE: '7d' } },
  ] as const
  for (const options of places) {
    const other = await Site.start(options)
    const visitor = other.visitor()
    const page = await visitor.open('/signup/')
    assert.is(page.$('[data-passkey-part], script[src*=passkeys]').length, 0)
    assertRefused(await type(visitor, 'Anna'), 406, 'cannot create a passkey here')
    assert.is((await visitor.open(TYPED)).headers.location, '/signup/')
    await other.close()
  }
})

test('the address is confirmed in another browser after a login with the passkey', async () => {
  const { device } = await signUp('Elsewhere')
  const other = site.visitor()
  const page = await other.follow(await site.mail(emailOf('Elsewhere')))
  assert.match(page.$('main').text(), 'This account has no password. Log in with its passkey first')
  assert.is(page.$('[name=password]').length, 0)
  await other.send(page, { password: 'x' }, '/email/confirm/verify/').catch(() => undefined)
  const refused = await logIn(other, device)
  const way = refused.$('.error a').attr('href') ?? ''
  const button = await other.open(way)
  assert.is(button.$('[name=password], [name=code]').length, 0)
  await other.send(button)
  const [row] = await site.rows<{ at: number }>(
    "select email_confirmed_at as at from users where name = 'Elsewhere'",
  )
  assert.ok(row?.at)
  site.clock.advance(1)
  await logIn(other, device)
  assert.is((await other.open('/account/')).status, 200)
})

test('the real owner of the address denies the account, or takes it over without the passkey', async () => {
  await signUp('Denied')
  const denier = site.visitor()
  await denier.follow(await site.mail(emailOf('Denied')))
  await denier.send(await denier.open('/email/confirm/deny/'))
  assert.equal(await usersCalled('Denied'), [])

  const { device, visitor: stranger } = await signUp('Squatted')
  await site.emptyMailbox()
  const owner = site.visitor()
  await owner.send(await owner.open('/password/forgot/'), { username: 'Squatted@example.com' })
  const reset = await owner.follow(await site.mail(emailOf('Squatted')))
  await owner.send(reset, { password: PASSWORD, repassword: PASSWORD })
  assert.equal(await passkeysOf('Squatted'), [])
  assertRefused(await logIn(stranger, device), 406, 'This site does not know this passkey')
  await owner.logIn('Squatted')
  assert.is((await owner.open('/account/')).status, 200)
})

test('an account that is never confirmed is deleted, with its passkey', async () => {
  const { device } = await signUp('Forgotten')
  const id = device.id.toString('base64url')
  const stored = () => site.rows('select 1 from passkeys where id = ?', id)
  assert.is((await stored()).length, 1)
  await site.allSent()
  site.clock.advance(8 * DAY)
  const later = await Site.start({ database: site.database, now: site.clock.now })
  await until(async () => (await stored()).length === 0, 'it is deleted')
  assert.equal(await usersCalled('Forgotten'), [])
  await later.close()
})

test('sign-ups and wrong passkeys count per network', async () => {
  const limited = await Site.start({
    host: 'localhost',
    environment: { EMAIL_CONFIRMATION: 'required', LIMIT_SIGNUP_NETWORK: '2/1h' },
  })
  const begun = await begin('Limited', { at: limited })
  const bad = async () => {
    begun.page = await begun.visitor.open(TYPED)
    return create(begun, new Device(), { origin: 'https://example.com' }, limited)
  }
  assert.is((await bad()).status, 406)
  begun.page = await begun.visitor.open(TYPED)
  assert.is((await create(begun, new Device(), {}, limited)).status, 303, 'a successful one counts once')
  const other = await begin('Other', { at: limited })
  assert.is((await create(other, new Device(), {}, limited)).status, 429)
  await limited.close()
})

test('an invited person signs up by passkey, and the address counts as confirmed', async () => {
  for (const loginAfter of [[], ['signup']] as const) await signUpInvited(loginAfter)
})

async function signUpInvited(loginAfter: readonly 'signup'[]): Promise<void> {
  const mailbox = new Mailbox()
  const origin = 'http://localhost'
  const host = await Host.start({ mail: mailbox, baseUrl: origin, signup: 'invited', loginAfter })
  const { accounts } = host.gatehouse
  const send = (visitor: Visitor, page: Page, more: Record<string, string>) => {
    const form = page.$('main form')
    const fields = new URLSearchParams(form.serialize())
    for (const [name, value] of Object.entries(more)) fields.set(name, value)
    const to = page.$('[formaction]').attr('formaction') ?? form.attr('action') ?? ''
    return visitor.post(to, fields.toString())
  }
  await accounts.invite('anna@example.com')
  const [link = ''] = (await mailbox.waitFor('anna@example.com'))[0]?.links ?? []
  mailbox.empty()
  const visitor = host.visitor()
  await visitor.open(link)
  const typed = { username: 'Anna', email: 'mallory@example.com' }
  await send(visitor, await visitor.open('/members/signup/'), typed)
  const page = await visitor.open('/members/signup/passkey/')
  const device = new Device()
  const credential = device.create(page, { origin })
  const response = await send(visitor, page, { credential })
  assert.is(response.headers.location, '/', response.text)
  const user = await accounts.byName('Anna')
  assert.is(user?.email, 'anna@example.com')
  assert.ok(user?.emailConfirmedAt)
  const isLoggedIn = loginAfter.length > 0
  assert.is((await visitor.open('/members/account/')).status, isLoggedIn ? 200 : 303)
  if (isLoggedIn) return await host.close()
  const login = await visitor.open('/members/login/')
  await send(visitor, login, { credential: device.use(login, { origin }) })
  assert.is((await visitor.open('/members/account/')).status, 200)
  assert.equal(mailbox.mails(), [], 'no confirmation is needed')

  const stranger = host.visitor()
  const _csrf = (await stranger.open('/members/login/')).value('_csrf') ?? ''
  const fields = new URLSearchParams({ username: 'Bela', email: 'bela@example.com', _csrf })
  const refused = await stranger.post('/members/signup/passkey/', fields.toString())
  assertRefused(refused, 406, 'This invitation has expired or was already used.')
  await host.close()
}

test('LOGIN_AFTER=signup logs no one in before the address is confirmed', async () => {
  const after = await Site.start({
    host: 'localhost',
    environment: { EMAIL_CONFIRMATION: 'required', LOGIN_AFTER: 'signup' },
  })
  const { visitor } = await signUp('Anna', { at: after })
  assert.is((await visitor.open('/account/')).status, 303)
  assert.equal(await after.rows('select 1 from sessions'), [])
  await after.close()
})

test('LOGIN_AFTER=confirmation logs in by the passkey, in the browser that created it', async () => {
  const after = await Site.start({
    host: 'localhost',
    environment: { EMAIL_CONFIRMATION: 'required', LOGIN_AFTER: 'signup,confirmation' },
  })
  const { visitor } = await signUp('Anna', { at: after })
  assert.equal(await after.rows('select 1 from sessions'), [])
  const { code } = await after.mail('Anna@example.com')
  await visitor.send(await visitor.open('/email/confirm/'), { code })
  assert.is((await visitor.open('/account/')).status, 200)
  assert.equal(await after.rows('select methods from sessions'), [{ methods: 'passkey' }])

  const { visitor: other, device } = await signUp('Bela', { at: after })
  await useToLogIn(after, other, device)
  const mail = await after.mail('Bela@example.com')
  await other.send(await other.open('/email/confirm/'), { code: mail.code })
  assert.is((await other.open('/account/')).status, 200, 'even after a login that had to wait')
  await after.close()
})

test('the app’s hooks run as they do for a password', async () => {
  const asked: object[] = []
  const stored: object[] = []
  const hosted = await Site.start({
    host: 'localhost',
    environment: REQUIRED,
    signupFields: ['team'],
    hooks: {
      beforeSignup(request) {
        asked.push(request)
        return request.values.team === 'none' ? [{ code: 'no_team', sentence: 'Choose a team.' }] : undefined
      },
      async duringSignup(_, { user, values }) {
        stored.push({ name: user.name, values })
      },
    },
  })
  const visitor = hosted.visitor()
  assertRefused(await type(visitor, 'Anna', { team: 'none' }), 406, 'Choose a team.')
  await type(visitor, 'Anna', { team: 'red' })
  const page = await visitor.open(TYPED)
  assert.is((await create({ visitor, page }, new Device(), {}, hosted)).status, 303)
  const values = { team: 'red' }
  assert.equal(asked.slice(1), [{ name: 'Anna', email: 'Anna@example.com', values }])
  assert.equal(stored, [{ name: 'Anna', values }])
  assertRefused(
    await type(visitor, 'Otto', { team: randomText(4_000) }),
    406,
    'This is too much text to sign up with a passkey.',
  )
  await hosted.close()
})

function randomText(length: number): string {
  return Array.from({ length }, () => Math.random().toString(36).at(2)).join('')
}

test('with closed sign-up there is no such page', async () => {
  const closed = await Site.start({ host: 'localhost', environment: { ...REQUIRED, SIGNUP: 'closed' } })
  assert.is((await closed.visitor().open(TYPED)).status, 404)
  await closed.close()
})

test.run()
