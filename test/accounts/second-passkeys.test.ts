import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { DAY } from '../../src/base/durations.js'
import { type Page, Site, type Visitor } from '../support/helpers.js'
import { addPasskey, Device, useToLogIn } from '../support/passkey.js'
import { codeAt, codesOn, halfway, keyOn, settled } from '../support/second-step.js'

const test = suite('passkeys where two-step verification is required')

const SET_UP = '/account/two-step/'
let before: Site

/** Creates accounts before the rule: Anna has a passkey, Ben has none. */
test.before.each(async () => {
  before = await Site.start({ host: 'localhost' })
  device = new Device()
  early = await settled(before, 'Anna')
  await addPasskey(before, early, device)
  await settled(before, 'Ben')
})
test.after.each(() => before.close())

let device: Device
/** Anna's session from before the rule. */
let early: Visitor

async function withRule(
  work: (site: Site) => Promise<void>,
  { days = 1, ...options }: Parameters<typeof Site.start>[0] & { days?: number } = {},
): Promise<void> {
  const rule = { environment: { SECOND_STEP: 'required' }, host: 'localhost' } as const
  const site = await Site.start({ ...rule, ...options, database: before.database })
  site.clock.advance(days * DAY)
  await work(site).finally(() => site.close())
}

function press(visitor: Visitor, page: Page, credential: string): Promise<Page> {
  const fields = new URLSearchParams(page.$('#two-step').serialize())
  fields.set('credential', credential)
  return visitor.post('/login/two-step/passkey/', fields.toString())
}

async function isIn(visitor: Visitor): Promise<boolean> {
  return (await visitor.open('/members/')).status === 200
}

async function leadsTo(visitor: Visitor, path: string): Promise<string | undefined> {
  return (await visitor.open(path)).headers.location
}

test('a login by passkey satisfies the rule, and leads to no setup', () =>
  withRule(async (site) => {
    const visitor = site.visitor()
    const response = await useToLogIn(site, visitor, device)
    assert.is(response.headers.location, '/')
    assert.ok(await isIn(visitor))
    await site.mailThat('Anna@example.com', ({ text }) =>
      text.includes('Two-step verification was turned on'),
    )
    const events = await site.rows("select kind from events where kind = 'second_on'")
    assert.is(events.length, 1)
  }))

test('the password alone does not log in: the passkey is its second step', () =>
  withRule(async (site) => {
    const visitor = site.visitor()
    const page = await halfway(visitor, 'Anna')
    assert.match(page.$('main').text(), 'Use a passkey of Anna')
    assert.not.ok(await isIn(visitor))
    assert.is(await leadsTo(visitor, '/account/authenticator/'), '/login/?next=%2Faccount%2Fauthenticator%2F')
    await press(visitor, page, device.use(page, { origin: site.address }))
    assert.ok(await isIn(visitor))
  }))

test('a session by password from before the rule cannot set up an app', () =>
  withRule(
    async (site) => {
      const visitor = Object.assign(site.visitor(), { agent: site.visitor().agent })
      for (const { name, value } of early.agent.jar.getCookies(ANYWHERE)) {
        visitor.agent.jar.setCookie(`${name}=${value}; path=/`, '127.0.0.1', '/')
      }
      assert.match((await leadsTo(visitor, '/account/authenticator/')) ?? '', '/password/confirm/')
      assert.ok(await isIn(visitor), 'the rest is open')
    },
    { days: 0 },
  ))

const ANYWHERE = { domain: '127.0.0.1', path: '/', secure: false, script: false }

test('a user who has to set it up can create a passkey instead of an app', () =>
  withRule(async (site) => {
    const visitor = site.visitor()
    assert.is((await visitor.logIn('Ben')).headers.location, SET_UP)
    assert.is((await visitor.open(SET_UP)).$('main a[href="/account/passkeys/"]').length > 0, true)
    const unverified = await addPasskey(site, visitor, new Device(), { isVerified: false })
    assert.is(unverified.headers.location, '/account/passkeys/')
    assert.not.ok(await isIn(visitor), 'a passkey that does not check its user is one step')
    const ben = new Device()
    const added = await addPasskey(site, visitor, ben)
    assert.is(added.headers.location, SET_UP)
    assert.match((await visitor.open(SET_UP)).messages().join(), 'two-step verification is on')
    assert.ok(await isIn(visitor))
    site.clock.advance(1)
    const other = site.visitor()
    const page = await halfway(other, 'Ben')
    await press(other, page, ben.use(page, { origin: site.address }))
    assert.ok(await isIn(other))
  }))

test('the last passkey that satisfies the rule cannot be removed until there is another', () =>
  withRule(async (site) => {
    const visitor = site.visitor()
    await useToLogIn(site, visitor, device)
    const remove = `/account/passkeys/${device.id.toString('base64url')}/remove/`
    const refused = await visitor.send(await visitor.open('/account/passkeys/'), {}, remove)
    assert.equal(
      [refused.status, refused.messages()],
      [
        403,
        [
          '⚠ This passkey is your only second step, so it stays. Create another passkey first, or turn off two-step verification. Back to your passkeys',
        ],
      ],
    )
    await addPasskey(site, visitor, new Device())
    const removed = await visitor.send(await visitor.open('/account/passkeys/'), {}, remove)
    assert.is(removed.headers.location, '/account/passkeys/')
    assert.is((await site.rows('select id from passkeys')).length, 1)
  }))

test('recovery codes can be created, and log in without the passkey', () =>
  withRule(async (site) => {
    const visitor = site.visitor()
    await useToLogIn(site, visitor, device)
    await visitor.send(await visitor.open('/account/recovery-codes/'))
    const [code = ''] = codesOn(await visitor.open('/account/recovery-codes/'))
    site.clock.advance(1)
    const other = site.visitor()
    await visitor.send(await visitor.open('/logout/'))
    await other.send(await halfway(other, 'Anna'), { code })
    assert.ok(await isIn(other))
  }))

test('an app can be added, and then the passkey can be removed', () =>
  withRule(async (site) => {
    const visitor = site.visitor()
    await useToLogIn(site, visitor, device)
    const page = await visitor.open('/account/authenticator/')
    assert.match(page.title, 'Set up an authenticator app')
    const secret = keyOn(page)
    await visitor.send(page, { code: codeAt(secret, site.clock.time) })
    assert.match((await visitor.open(SET_UP)).messages().join(), 'Your authenticator app is set up')
    await site.mailThat('Anna@example.com', ({ text }) => text.includes('An authenticator app was added'))
    const remove = `/account/passkeys/${device.id.toString('base64url')}/remove/`
    const removed = await visitor.send(await visitor.open('/account/passkeys/'), {}, remove)
    assert.is(removed.headers.location, '/account/passkeys/')
    site.clock.advance(60_000)
    const other = site.visitor()
    await other.send(await halfway(other, 'Anna'), { code: codeAt(secret, site.clock.time) })
    assert.ok(await isIn(other))
  }))

test('someone who has not logged in for too long chooses a new password by email first', () =>
  withRule(
    async (site) => {
      const visitor = site.visitor()
      assert.is((await visitor.logIn('Anna')).headers.location, SET_UP)
      assert.match((await visitor.open(SET_UP)).text, 'You have not logged in for a long time.')
      const added = await addPasskey(site, visitor, new Device())
      assert.is(added.headers.location, SET_UP)
      assert.is((await site.rows('select id from passkeys')).length, 1)
      assert.equal(await site.rows("select kind from events where kind = 'second_on'"), [])
    },
    { days: 60 },
  ))

test('before the rule applies, users with such a passkey get no reminder', () =>
  withRule(
    async (site) => {
      const anna = site.visitor()
      await useToLogIn(site, anna, device)
      assert.not.match((await anna.open('/')).messages().join(), 'You will need')
      const ben = site.visitor()
      await ben.logIn('Ben')
      assert.match((await ben.open('/')).text, 'You will need two-step verification here')
    },
    { environment: { SECOND_STEP: 'required', SECOND_STEP_FROM: '2099-01-01' } },
  ))

test('a rule for some users is satisfied the same way', () =>
  withRule(
    async (site) => {
      const anna = site.visitor()
      assert.is((await anna.logIn('Anna')).headers.location, '/login/two-step/')
      const ben = site.visitor()
      await ben.logIn('Ben')
      assert.ok(await isIn(ben))
    },
    { environment: {}, secondStep: ({ name }) => name === 'Anna' },
  ))

test.run()
