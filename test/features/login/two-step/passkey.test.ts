import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Page, Site, type Visitor } from '../../../support/helpers.js'
import { addPasskey, type Ceremony, Device, optionsOn, useToLogIn } from '../../../support/passkey.js'
import { codeAt, copyOf, halfway, settled, turnOn } from '../../../support/second-step.js'

const test = suite('login/two-step/passkey')
let site: Site

test.before(async () => {
  site = await Site.start({ host: 'localhost' })
})
test.after(() => site.close())

const WRONG = '⚠ The passkey did not work. Try again, or use another way.'
const OLD = '⚠ This page was open for too long, or was already used. Nothing is lost: press the button again.'

/** A user with two-step verification and a passkey. */
async function withBoth(name: string): Promise<{ device: Device; secret: string }> {
  const visitor = await settled(site, name)
  const device = new Device()
  await addPasskey(site, visitor, device)
  const { secret } = await turnOn(site, visitor)
  site.clock.advance(60_000)
  return { device, secret }
}

function press(
  visitor: Visitor,
  page: Page,
  credential: string,
  typed: Record<string, string> = {},
): Promise<Page> {
  const fields = new URLSearchParams(page.$('#two-step').serialize())
  for (const [name, value] of Object.entries({ ...typed, credential })) fields.set(name, value)
  return visitor.post('/login/two-step/passkey/', fields.toString())
}

function usedOn(page: Page, device: Device, ceremony: Partial<Ceremony> = {}): string {
  return device.use(page, { origin: site.address, ...ceremony })
}

async function isLoggedIn(visitor: Visitor): Promise<boolean> {
  return (await visitor.open('/account/')).status === 200
}

async function lastMethods(name: string): Promise<string | undefined> {
  const [session] = await site.rows<{ methods: string; second_at: number | null }>(
    'select methods, second_at from sessions join users on users.id = user_id where users.name = ? order by sessions.created_at desc',
    name,
  )
  return session?.second_at === site.clock.time ? session.methods : undefined
}

for (const htmx of [false, true]) {
  test(`${htmx ? 'htmx' : 'plain'}: after the password a passkey is the second step`, async () => {
    const name = `Anna${htmx}`
    const { device } = await withBoth(name)
    const visitor = site.visitor({ htmx })
    const page = await halfway(visitor, name)
    const { allowCredentials } = optionsOn(page).get
    assert.equal(
      allowCredentials?.map(({ id }) => id),
      [device.id.toString('base64url')],
    )
    const response = await press(visitor, page, usedOn(page, device))
    assert.is(response.status, htmx ? 200 : 303, response.text)
    assert.ok(await isLoggedIn(visitor))
    assert.is(await lastMethods(name), 'passkey password verified')
  })
}

test('a passkey that did not check its user is the second step after the password, not after itself', async () => {
  const { device } = await withBoth('Present')
  const visitor = site.visitor()
  const page = await halfway(visitor, 'Present')
  await press(visitor, page, usedOn(page, device, { isVerified: false, userHandle: undefined }))
  assert.ok(await isLoggedIn(visitor))
  assert.is(await lastMethods('Present'), 'passkey password')

  site.clock.advance(1)
  const thief = site.visitor()
  await useToLogIn(site, thief, device, { isVerified: false })
  const second = await thief.open('/login/two-step/')
  assert.is(optionsOn(second).get.userVerification, 'required')
  const refused = await press(thief, second, usedOn(second, device, { isVerified: false }))
  assert.equal([refused.status, refused.messages()], [406, [WRONG]])
  assert.not.ok(await isLoggedIn(thief))
})

test('the passkey of another user is refused, even with this user’s handle', async () => {
  const { device } = await withBoth('Owner')
  const other = await withBoth('Other')
  const visitor = site.visitor()
  const page = await halfway(visitor, 'Owner')
  const foreign = await press(visitor, page, usedOn(page, other.device))
  assert.equal([foreign.status, foreign.messages()], [406, [WRONG]])
  const next = await visitor.open('/login/two-step/')
  const handle = JSON.parse(usedOn(next, device)).response.userHandle
  const pretended = await press(visitor, next, usedOn(next, other.device, { userHandle: handle }))
  assert.equal([pretended.status, pretended.messages()], [406, [WRONG]])
  assert.not.ok(await isLoggedIn(visitor))
})

test('a challenge of the login page, and one that was used, are refused', async () => {
  const { device, secret } = await withBoth('Once')
  const visitor = site.visitor()
  const page = await halfway(visitor, 'Once')
  const login = await visitor.open('/login/')
  const ofLogin = await press(visitor, page, usedOn(login, device))
  assert.equal([ofLogin.status, ofLogin.messages()], [403, [OLD]])
  const credential = usedOn(page, device, { origin: 'https://example.com' })
  assert.equal((await press(visitor, page, credential)).messages(), [WRONG])
  assert.equal((await press(visitor, page, usedOn(page, device))).messages(), [OLD])
  await visitor.send(await visitor.open('/login/two-step/'), { code: codeAt(secret, site.clock.time) })
  assert.ok(await isLoggedIn(visitor), 'a code works as before')
})

test('a form submitted again after its response was lost logs in once, and continues', async () => {
  const { device } = await withBoth('Twice')
  const visitor = site.visitor()
  const page = await halfway(visitor, 'Twice')
  const credential = usedOn(page, device)
  const cookies = copyOf(visitor)
  assert.is((await press(visitor, page, credential)).headers.location, '/')
  const fields = new URLSearchParams(page.$('#two-step').serialize())
  fields.set('credential', credential)
  const again = await site.visitor().post('/login/two-step/passkey/', fields.toString(), cookies)
  assert.is(again.headers.location, '/')
  const sessions = await site.rows(
    "select sessions.id from sessions join users on users.id = user_id where users.name = 'Twice' and methods like 'passkey%'",
  )
  assert.is(sessions.length, 1)
})

test('a trusted device needs no second step', async () => {
  const { device } = await withBoth('Trusting')
  const visitor = site.visitor()
  const page = await halfway(visitor, 'Trusting')
  await press(visitor, page, usedOn(page, device), { trust: 'on' })
  await visitor.send(await visitor.open('/logout/'))
  site.clock.advance(1)
  await visitor.logIn('Trusting')
  assert.ok(await isLoggedIn(visitor))
})

test('without a half login, and without a passkey, there is no button', async () => {
  const { device } = await withBoth('Gone')
  const stranger = site.visitor()
  const login = await stranger.open('/login/')
  const fields = new URLSearchParams(login.$('#login').serialize())
  fields.set('credential', usedOn(login, device))
  const response = await stranger.post('/login/two-step/passkey/', fields.toString())
  assert.is(response.headers.location, '/login/')
  assert.not.ok(await isLoggedIn(stranger))

  await turnOn(site, await settled(site, 'Without'))
  site.clock.advance(60_000)
  assert.is((await halfway(site.visitor(), 'Without')).$('[data-passkey]').length, 0)
})

test.run()
