import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { DAY } from '../../src/base/durations.js'
import { type Page, Site, type Visitor } from '../support/helpers.js'
import { codeAt, settled, turnOn } from '../support/second-step.js'

const test = suite('required two-step verification')

const ADMINS = { environment: { SECOND_STEP: 'admins' } }
const REQUIRED = { environment: { SECOND_STEP: 'required' } }
const SET_UP = '/account/two-step/'
let before: Site

/** Creates Anna's account, with a confirmed email address, before the rule. */
test.before.each(async () => {
  before = await Site.start()
  await settled(before, 'Anna')
})
test.after.each(() => before.close())

async function withRule(
  work: (site: Site) => Promise<void>,
  { days = 1, ...options }: Parameters<typeof Site.start>[0] & { days?: number } = {},
): Promise<void> {
  const site = await Site.start({ ...REQUIRED, ...options, database: before.database })
  site.clock.advance(days * DAY)
  await work(site).finally(() => site.close())
}

async function leadsTo(visitor: Visitor, path: string): Promise<string | undefined> {
  return (await visitor.open(path)).headers.location
}

async function reset(site: Site, visitor: Visitor): Promise<Page> {
  await visitor.send(await visitor.open('/password/forgot/'), { username: 'Anna' })
  const mail = await site.mailThat('Anna@example.com', ({ link }) => link.includes('/password/reset/'))
  const passwords = { password: 'another horse 43', repassword: 'another horse 43' }
  await visitor.send(await visitor.follow(mail), passwords)
  return visitor.logIn('Anna', { password: 'another horse 43' })
}

test('every page leads to the setup until it is done', () =>
  withRule(async (site) => {
    const visitor = site.visitor()
    assert.is((await visitor.logIn('Anna')).headers.location, SET_UP)
    assert.match((await visitor.open(SET_UP)).text, 'You need it here.')
    for (const path of [
      '/account/',
      '/members/',
      '/members/recent/',
      '/account/email/',
      '/account/password/',
    ]) {
      assert.is(await leadsTo(visitor, path), SET_UP, path)
    }
    assert.match((await visitor.open(SET_UP)).messages().join(), 'You need two-step verification here.')
    assert.is((await visitor.post('/members/recent/verify/', 'note=x')).status, 403)
    assert.is((await visitor.open('/logout/')).status, 200)
    await turnOn(site, visitor)
    assert.is((await visitor.open('/account/')).status, 200)
  }))

test('it cannot be turned off', () =>
  withRule(async (site) => {
    const visitor = site.visitor()
    await visitor.logIn('Anna')
    const off = await visitor.open(SET_UP)
    await turnOn(site, visitor)
    const page = await visitor.open(SET_UP)
    assert.match(page.text, 'It is required here, so it stays on.')
    assert.is(page.$(`form[action="${SET_UP}off/"]`).length, 0)
    const csrf = new URLSearchParams(off.$('main form').serialize() || page.$('form').serialize())
    const refused = await visitor.post(`${SET_UP}off/`, csrf.toString())
    assert.is(refused.status, 403)
    assert.is((await site.rows('select 1 from users where second_step_at is not null')).length, 1)
  }))

test('no device can be trusted', () =>
  withRule(async (site) => {
    const visitor = site.visitor()
    await visitor.logIn('Anna')
    const { secret } = await turnOn(site, visitor)
    await visitor.send(await visitor.open('/logout/'))
    await visitor.logIn('Anna')
    const page = await visitor.open('/login/two-step/')
    assert.is(page.$('[name="trust"]').length, 0)
    await visitor.send(page, { code: codeAt(secret, site.clock.time), trust: '1' })
    assert.is((await visitor.open('/account/')).status, 200)
    await visitor.send(await visitor.open('/logout/'))
    assert.is((await visitor.logIn('Anna')).headers.location, '/login/two-step/')
  }))

test('before its date a login reminds the user, and from then on it is required', () =>
  withRule(
    async (site) => {
      const visitor = site.visitor()
      assert.is((await visitor.logIn('Anna')).headers.location, '/')
      assert.match((await visitor.open('/')).text, 'You will need two-step verification here in 9 days.')
      assert.is((await visitor.open('/account/')).status, 200)
      assert.match((await visitor.open(SET_UP)).text, 'You will need it here from')
      site.clock.advance(10 * DAY)
      assert.is((await site.visitor().logIn('Anna')).headers.location, SET_UP)
    },
    { environment: { SECOND_STEP: 'required', SECOND_STEP_FROM: '2026-01-11' } },
  ))

test('a function decides who needs it', () =>
  withRule(
    async (site) => {
      await before.visitor().settle('Bert')
      assert.is((await site.visitor().logIn('Anna')).headers.location, SET_UP)
      assert.is((await site.visitor().logIn('Bert')).headers.location, '/')
    },
    { environment: {}, secondStep: ({ name }) => name === 'Anna' },
  ))

test('after 45 days without a login the setup needs a reset by email first', () =>
  withRule(
    async (site) => {
      for (const visitor of [site.visitor(), site.visitor()]) {
        assert.is((await visitor.logIn('Anna')).headers.location, SET_UP)
        assert.match((await visitor.open(SET_UP)).text, 'Choose a new password by email first.')
        assert.is(await leadsTo(visitor, '/account/authenticator/'), SET_UP)
        assert.is(
          (await visitor.post('/account/authenticator/verify/', 'code=123456')).headers.location,
          SET_UP,
        )
      }
      const owner = site.visitor()
      assert.is((await reset(site, owner)).headers.location, SET_UP)
      await turnOn(site, owner)
      assert.is((await owner.open('/account/')).status, 200)
    },
    { days: 46 },
  ))

test('a login within 45 days before its date is enough', () =>
  withRule(
    async (site) => {
      site.clock.advance(40 * DAY)
      await site.visitor().logIn('Anna')
      site.clock.advance(21 * DAY)
      const visitor = site.visitor()
      assert.is((await visitor.logIn('Anna')).headers.location, SET_UP)
      assert.is((await visitor.open('/account/authenticator/')).status, 200)
    },
    { environment: { SECOND_STEP: 'required', SECOND_STEP_FROM: '2026-03-01' } },
  ))

test('an unconfirmed email address must be confirmed first', () =>
  withRule(async (site) => {
    const visitor = site.visitor()
    await visitor.signUp('Cora')
    assert.is((await visitor.logIn('Cora')).headers.location, SET_UP)
    assert.match((await visitor.open(SET_UP)).text, 'Confirm your email address first.')
    assert.is(await leadsTo(visitor, '/account/authenticator/'), SET_UP)
    assert.is((await visitor.open('/email/confirm/')).status, 200)
  }))

for (const [options, sentence] of [
  [{ secondStep: 'everyone' }, /Option secondStep must be 'optional', 'admins', 'required' or a function/],
  [{ secondStep: 'required', features: { 'account/two-step': false } }, /account\/two-step cannot be off/],
  [{ secondStepFrom: new Date() }, /secondStepFrom needs secondStep/],
  [{ secondStep: 'required', secondStepFrom: new Date('never') }, /secondStepFrom must be a Date/],
] as const) {
  test(`${JSON.stringify(options)} is an error at start`, async () => {
    const wrong: object = options
    await Site.start({ ...wrong }).then(
      () => assert.unreachable(),
      (error: unknown) => assert.match(String(error), sentence),
    )
  })
}

test('admins need it from the request after they become one', () =>
  withRule(async (site) => {
    const visitor = site.visitor()
    await visitor.logIn('Anna')
    assert.is((await visitor.open('/account/')).status, 200)
    await site.write("update users set roles = 'admin'")
    assert.is(await leadsTo(visitor, '/account/'), SET_UP)
    await site.write("update users set roles = 'editor'")
    assert.is((await visitor.open('/account/')).status, 200)
  }, ADMINS))

test.run()
