import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { MINUTE } from '../../../src/base/durations.js'
import { PASSWORD, type Page, Site, type Visitor } from '../../support/helpers.js'
import { addPasskey, Device, optionsOn, present, useToLogIn } from '../../support/passkey.js'
import { codeAt, settled, turnOn } from '../../support/second-step.js'

const test = suite('login/passkey')
let site: Site

test.before(async () => {
  site = await Site.start({ host: 'localhost' })
})
test.after(() => site.close())

const WRONG = '⚠ The passkey did not work. Try again, or use another way.'
const UNKNOWN = '⚠ This site does not know this passkey, or it was removed. Log in another way.'
const OLD = '⚠ This page was open for too long, or was already used. Nothing is lost: press the button again.'

async function withPasskey(name: string, where = site): Promise<{ visitor: Visitor; device: Device }> {
  const visitor = await settled(where, name)
  const device = new Device()
  await addPasskey(where, visitor, device)
  where.clock.advance(1)
  return { visitor, device }
}

function methodsOf(
  name: string,
  where = site,
): Promise<{ methods: string; kept: number; second_at: number | null }[]> {
  return where.rows(
    'select methods, kept, second_at from sessions join users on users.id = user_id where users.name = ? order by sessions.created_at desc',
    name,
  )
}

async function isLoggedIn(visitor: Visitor): Promise<boolean> {
  return (await visitor.open('/account/')).status === 200
}

for (const htmx of [false, true]) {
  test(`${htmx ? 'htmx' : 'plain'}: a passkey logs in without a username, with keep and next`, async () => {
    const name = `Anna${htmx}`
    const { device } = await withPasskey(name)
    const visitor = site.visitor({ htmx })
    const page = await visitor.open('/login/?next=%2Faccount%2Fdevices%2F')
    const response = await present(visitor, page, device.use(page, { origin: site.address }), { keep: 'on' })
    assert.is(response.status, htmx ? 200 : 303, response.text)
    assert.is(htmx ? response.onward : response.headers.location, '/account/devices/')
    assert.match(response.sessionCookie, 'expires=')
    assert.is((await visitor.open('/account/')).$('header nav a').first().text(), name)
    const [session] = await methodsOf(name)
    assert.equal(session, { methods: 'passkey verified', kept: 1, second_at: site.clock.time })
  })
}

test('a passkey with user verification is both steps, one without is the first', async () => {
  const { visitor, device } = await withPasskey('Both')
  const { secret } = await turnOn(site, visitor)
  const verified = site.visitor()
  assert.is((await useToLogIn(site, verified, device)).headers.location, '/')
  assert.ok(await isLoggedIn(verified))
  site.clock.advance(1)
  const present = site.visitor()
  const half = await useToLogIn(site, present, device, { isVerified: false })
  assert.is(half.headers.location, '/login/two-step/')
  assert.not.ok(await isLoggedIn(present))
  await present.send(await present.open('/login/two-step/'), { code: codeAt(secret, site.clock.time) })
  assert.ok(await isLoggedIn(present))
  assert.is((await methodsOf('Both'))[0]?.methods, 'app passkey')
})

async function refusedAs(
  message: string,
  status: number,
  response: Promise<Page>,
  visitor: Visitor,
): Promise<void> {
  const { status: actual, ...page } = await response
  assert.is(actual, status)
  assert.equal((await response).messages(), [message], page.text)
  assert.ok(optionsOn(await response).get, 'with a new challenge')
  assert.not.ok(await isLoggedIn(visitor))
}

test('a challenge logs in once, in its own browser, within 30 minutes', async () => {
  const { device } = await withPasskey('Once')
  const visitor = site.visitor()
  const page = await visitor.open('/login/')
  const credential = device.use(page, { origin: site.address })
  await present(visitor, page, credential)
  assert.ok(await isLoggedIn(visitor))
  await visitor.send(await visitor.open('/logout/'))
  const again = await visitor.open('/login/')
  await refusedAs(OLD, 403, present(visitor, again, credential), visitor)

  const other = site.visitor()
  const ofOther = device.use(await site.visitor().open('/login/'), { origin: site.address })
  await refusedAs(OLD, 403, present(other, await other.open('/login/'), ofOther), other)

  const late = await other.open('/login/')
  const waiting = device.use(late, { origin: site.address })
  site.clock.advance(30 * 60_000)
  await refusedAs(OLD, 403, present(other, late, waiting), other)
})

test('a wrong passkey uses up its challenge, too', async () => {
  const { device } = await withPasskey('Spent')
  const visitor = site.visitor()
  const page = await visitor.open('/login/')
  await refusedAs(
    WRONG,
    406,
    present(visitor, page, device.use(page, { origin: 'https://example.com' })),
    visitor,
  )
  await refusedAs(OLD, 403, present(visitor, page, device.use(page, { origin: site.address })), visitor)
})

test('a wrong response does not log in', async () => {
  const { device } = await withPasskey('Wrong')
  const { device: ottos } = await withPasskey('Otto')
  const [otto] = await site.rows<{ id: string }>("select id from users where name = 'Otto'")
  const visitor = site.visitor()
  const bad = [
    { clientData: { crossOrigin: true } },
    { clientData: { crossOrigin: true, topOrigin: 'https://example.com' } },
    { clientData: { topOrigin: 'https://example.com' } },
    { clientData: { type: 'webauthn.create' } },
    { origin: site.address.replace('localhost', '127.0.0.1') },
    { userHandle: Buffer.from(otto?.id ?? '').toString('base64url') },
    { userHandle: undefined },
  ]
  for (const ceremony of bad)
    await refusedAs(WRONG, 406, useToLogIn(site, visitor, device, ceremony), visitor)
  // One passkey's signature with another's id.
  const page = await visitor.open('/login/')
  const mixed = {
    ...JSON.parse(device.use(page, { origin: site.address })),
    id: ottos.id.toString('base64url'),
  }
  const credential = JSON.stringify({ ...mixed, rawId: mixed.id })
  await refusedAs(WRONG, 406, present(visitor, page, credential), visitor)
})

test('an unknown and a removed passkey get the same response', async () => {
  const { device } = await withPasskey('Removed')
  const visitor = site.visitor()
  await refusedAs(UNKNOWN, 406, useToLogIn(site, visitor, new Device(), { userHandle: 'AAAA' }), visitor)
  await site.write("delete from passkeys where user_id = (select id from users where name = 'Removed')")
  await refusedAs(UNKNOWN, 406, useToLogIn(site, visitor, device), visitor)
})

test('the browser is told about a passkey that no user has, and about no other', async () => {
  const { device } = await withPasskey('Known')
  const visitor = site.visitor()
  const signalOn = (page: Page) => page.$('[data-signal]').attr('data-signal')
  const stranger = new Device()
  const unknown = await useToLogIn(site, visitor, stranger, { userHandle: 'AAAA' })
  const credentialId = stranger.id.toString('base64url')
  assert.equal(JSON.parse(signalOn(unknown) ?? ''), [
    ['signalUnknownCredential', { rpId: 'localhost', credentialId }],
  ])
  for (const ceremony of [{ origin: 'https://example.com' }, { userHandle: 'AAAA' }]) {
    assert.is(signalOn(await useToLogIn(site, visitor, device, ceremony)), undefined)
  }
  const page = await visitor.open('/login/')
  assert.is(signalOn(page), undefined)
  const late = stranger.use(page, { origin: site.address })
  site.clock.advance(30 * 60_000)
  assert.is(signalOn(await present(visitor, page, late)), undefined)
})

test('a copied passkey that is not synced is refused by its counter, and reported by email', async () => {
  const { device } = await withPasskey('Copied')
  await site.emptyMailbox()
  await useToLogIn(site, site.visitor(), device, { counter: 5 })
  site.clock.advance(1)
  await site.emptyMailbox()
  const visitor = site.visitor()
  await refusedAs(WRONG, 406, useToLogIn(site, visitor, device, { counter: 5 }), visitor)
  assert.is(
    (await site.mail('Copied@example.com')).subject,
    'A passkey for your Gatehouse account was refused',
  )
  await useToLogIn(site, visitor, device, { counter: 6 })
  assert.ok(await isLoggedIn(visitor))
})

test('the counter of a synced passkey does not block logins', async () => {
  const owner = await settled(site, 'Synced')
  const device = new Device()
  await addPasskey(site, owner, device, { isSynced: true, counter: 9 })
  for (const counter of [7, 7, 0]) {
    site.clock.advance(1)
    const visitor = site.visitor()
    await useToLogIn(site, visitor, device, { isSynced: true, counter })
    assert.ok(await isLoggedIn(visitor), `${counter}`)
  }
})

test('disabled, closed and unconfirmed accounts behave as with a right password', async () => {
  const strict = await Site.start({ host: 'localhost', environment: { EMAIL_CONFIRMATION: 'required' } })
  const { device } = await withPasskey('Anna', strict)
  const response = () => useToLogIn(strict, strict.visitor(), device)
  await strict.write('update users set email_confirmed_at = null')
  assert.match(
    (await response()).messages().join(),
    'Your passkey works, but your email address is not confirmed yet.',
  )
  await strict.write('update users set email_confirmed_at = 1, disabled_at = 1')
  assert.equal((await response()).messages(), [
    '⚠ This account is disabled. Contact the people who run this site.',
  ])
  await strict.write('update users set disabled_at = null, closed_at = 1, erase_at = 9999999999999')
  const visitor = strict.visitor()
  await useToLogIn(strict, visitor, device)
  assert.match((await visitor.open('/account/')).messages().join(), 'Your account is open again')
  await strict.close()
})

test('a login by passkey is emailed on a new device only', async () => {
  const { visitor, device } = await withPasskey('Noticed')
  await site.emptyMailbox()
  await useToLogIn(site, site.visitor(), device)
  assert.match((await site.mail('Noticed@example.com')).subject, 'New login')
  await site.emptyMailbox()
  site.clock.advance(1)
  await visitor.send(await visitor.open('/logout/'))
  await useToLogIn(site, visitor, device)
  assert.ok(await isLoggedIn(visitor))
  assert.equal(await site.mails('Noticed@example.com', 0), [])
})

test('failed attempts count per network, or on a known device per device', async () => {
  const limited = await Site.start({
    host: 'localhost',
    environment: { LIMIT_LOGIN_NETWORK: '2/1h', LIMIT_LOGIN_DEVICE: '2/15m' },
  })
  const { visitor, device } = await withPasskey('Anna', limited)
  await visitor.send(await visitor.open('/logout/'))
  const stranger = limited.visitor()
  const wrong = (by: Visitor) => useToLogIn(limited, by, device, { origin: 'https://example.com' })
  for (const status of [406, 406, 429]) assert.is((await wrong(stranger)).status, status)
  assert.is((await useToLogIn(limited, stranger, device)).status, 429)
  assert.is((await useToLogIn(limited, visitor, device)).status, 303, 'the owner has their own limit')
  await visitor.send(await visitor.open('/logout/'))
  for (const status of [406, 406, 429]) assert.is((await wrong(visitor)).status, status)
  await limited.close()
})

test('successful logins do not count', async () => {
  const limited = await Site.start({ host: 'localhost', environment: { LIMIT_LOGIN_NETWORK: '2/1h' } })
  const { device } = await withPasskey('Anna', limited)
  for (let time = 0; time < 4; time++) {
    limited.clock.advance(1)
    assert.is((await useToLogIn(limited, limited.visitor(), device)).status, 303)
  }
  await limited.close()
})

test('login pages and malformed credentials store no challenge', async () => {
  const visitor = site.visitor()
  const count = async () => (await site.rows('select 1 from spent_challenges')).length
  const before = await count()
  for (const credential of ['', 'error NotAllowedError', '{}', 'x'.repeat(16_385), 'error constructor']) {
    assert.is((await present(visitor, await visitor.open('/login/'), credential)).status, 406)
  }
  assert.is(await count(), before)
})

test('canceling is not an error', async () => {
  const visitor = site.visitor()
  const response = await present(visitor, await visitor.open('/login/'), 'error NotAllowedError', {
    username: 'Anna',
  })
  assert.equal(response.messages(), [])
  assert.match(response.$('#messages').text(), 'No passkey was used.')
  assert.is(response.value('username'), 'Anna')
})

test('no credential is logged', async () => {
  const { device } = await withPasskey('Logged')
  const visitor = site.visitor()
  const page = await visitor.open('/login/')
  const credential = device.use(page, { origin: 'https://example.com' })
  await present(visitor, page, credential)
  const { response } = JSON.parse(credential)
  for (const secret of Object.values(response)) assert.not.match(site.logs.join(), String(secret))
  assert.match(site.logs.join(), 'passkey_wrong')
})

test('reloading the URL of a refused passkey redirects to the login', async () => {
  assert.is((await site.visitor().open('/login/passkey/')).headers.location, '/login/')
})

test('passkeys also work under a prefix', async () => {
  const mounted = await Site.start({ host: 'localhost', prefix: '/people' })
  const owner = mounted.visitor()
  const typed = { username: 'Anna', email: 'anna@example.com', password: PASSWORD, repassword: PASSWORD }
  await owner.send(await owner.open('/people/signup/'), typed)
  await owner.send(await owner.open('/people/login/'), { username: 'Anna', password: PASSWORD })
  const device = new Device()
  const press = (visitor: Visitor, page: Page, credential: string) => {
    const button = page.$('[data-passkey]')
    const form =
      button.attr('form') === undefined ? button.closest('form') : page.$(`#${button.attr('form')}`)
    const fields = new URLSearchParams(form.serialize())
    fields.set('credential', credential)
    return visitor.post(button.attr('formaction') ?? form.attr('action') ?? '', fields.toString())
  }
  const list = await owner.open('/people/account/passkeys/')
  const created = await press(owner, list, device.create(list, { origin: mounted.address }))
  assert.is(created.headers.location, '/people/account/passkeys/')

  mounted.clock.advance(10 * MINUTE)
  const { location = '' } = (await owner.open('/people/account/name/')).headers
  const asked = await owner.open(location)
  const confirmed = await press(owner, asked, device.use(asked, { origin: mounted.address }))
  assert.is(confirmed.headers.location, '/people/account/name/')

  const visitor = mounted.visitor()
  const login = await visitor.open('/people/login/')
  await press(visitor, login, device.use(login, { origin: mounted.address }))
  assert.is((await visitor.open('/people/account/')).status, 200)
  await mounted.close()
})

test.run()
