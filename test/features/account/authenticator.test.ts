import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { MINUTE } from '../../../src/base/durations.js'
import { type Page, Site, type Visitor } from '../../support/helpers.js'
import { codeAt, codesOn, copyOf, filled, keyOn, reopen, settled, turnOn } from '../../support/second-step.js'

const test = suite('account/authenticator')
let site: Site

test.before.each(async () => {
  site = await Site.start()
})
test.after.each(() => site.close())

for (const htmx of [false, true]) {
  test(`${htmx ? 'htmx' : 'a plain browser'}: one right code turns it on and ends other sessions`, async () => {
    const visitor = await settled(site, 'Anna', { htmx })
    const other = site.visitor()
    await other.logIn('Anna')
    const page = await visitor.open('/account/authenticator/')
    const secret = keyOn(page)
    const wrong = await visitor.send(page, { code: '000000' })
    assert.is(wrong.status, 406)
    const right = await visitor.send(page, { code: codeAt(secret, site.clock.time) })
    assert.is(right.headers[htmx ? 'hx-redirect' : 'location'], '/account/recovery-codes/')
    const codes = await visitor.open('/account/recovery-codes/')
    assert.match(codes.messages().join(), 'Two-step verification is on')
    assert.is(codesOn(codes).length, 10)
    assert.is((await other.open('/account/')).status, 303)
    assert.is((await visitor.open('/account/')).status, 200)
  })
}

test('the link for phones has the username and the key, and no email address', async () => {
  const visitor = await settled(site, 'Anna')
  const page = await visitor.open('/account/authenticator/')
  const link = page.$('a[href^="otpauth:"]').attr('href') ?? ''
  assert.is(link, `otpauth://totp/Gatehouse:Anna?secret=${keyOn(page)}&issuer=Gatehouse`)
  assert.match(page.$('.key').text(), /^(?:[A-Z2-7]{4} ){7}[A-Z2-7]{4}$/)
})

test('a reload shows the same key for 30 minutes, and changes nothing', async () => {
  const visitor = await settled(site, 'Anna')
  const page = await visitor.open('/account/authenticator/')
  site.clock.advance(5 * MINUTE)
  assert.is(keyOn(await visitor.open('/account/authenticator/')), keyOn(page))
  assert.is((await site.rows('select 1 from users where second_step_at is not null')).length, 0)
  site.clock.advance(25 * MINUTE)
  const late = await reopen(site, visitor, '/account/authenticator/')
  assert.is.not(keyOn(late), keyOn(page))
})

test('a form submitted twice turns it on once, and both responses lead to the codes', async () => {
  const visitor = await settled(site, 'Anna')
  const page = await visitor.open('/account/authenticator/')
  await sentTwice(visitor, page)
})

test('so does a form submitted twice after the password was confirmed', async () => {
  const visitor = await settled(site, 'Anna')
  site.clock.advance(10 * MINUTE)
  await sentTwice(visitor, await reopen(site, visitor, '/account/authenticator/'))
})

async function sentTwice(visitor: Visitor, page: Page): Promise<void> {
  const fields = filled(page, codeAt(keyOn(page), site.clock.time))
  const headers = copyOf(visitor)
  const [first, second] = [site.visitor(), site.visitor()]
  const one = await first.post('/account/authenticator/verify/', fields, headers)
  const two = await second.post('/account/authenticator/verify/', fields, headers)
  assert.equal([one.headers.location, two.headers.location], Array(2).fill('/account/recovery-codes/'))
  assert.is(codesOn(await second.open('/account/recovery-codes/')).length, 10)
}

test('a page from an earlier setup has no effect', async () => {
  const visitor = await settled(site, 'Anna')
  const former = await visitor.open('/account/authenticator/')
  const given = codeAt(keyOn(former), site.clock.time)
  await visitor.send(former, { code: given })
  const codes = codesOn(await visitor.open('/account/recovery-codes/'))
  assert.is.not(keyOn(await visitor.open('/account/authenticator/')), keyOn(former))
  const response = await visitor.send(former, { code: given })
  assert.is(response.status, 406)
  assert.match(response.fieldError('code'), 'The code is not correct')
  assert.equal(codesOn(await visitor.open('/account/recovery-codes/')), codes)
})

test('the old app works until the new one is confirmed', async () => {
  const visitor = await settled(site, 'Anna')
  const { secret: old } = await turnOn(site, visitor)
  const page = await visitor.open('/account/authenticator/')
  const fresh = keyOn(page)
  assert.is.not(fresh, old)
  const other = site.visitor()
  await other.logIn('Anna')
  await other.send(await other.open('/login/two-step/'), { code: codeAt(old, site.clock.time) })
  assert.is((await other.open('/account/')).status, 200)
  await visitor.send(page, { code: codeAt(fresh, site.clock.time) })
  assert.match(
    (await visitor.open('/account/two-step/')).messages().join(),
    'Your new authenticator app is set up.',
  )
  assert.is((await other.open('/account/')).status, 303)
  site.clock.advance(30_000)
  await other.logIn('Anna')
  const step = await other.open('/login/two-step/')
  assert.is((await other.send(step, { code: codeAt(old, site.clock.time) })).status, 406)
  assert.is((await other.send(step, { code: codeAt(fresh, site.clock.time) })).status, 303)
})

test('two parallel replacements leave one app, one event and one email', async () => {
  const visitor = await settled(site, 'Anna')
  await turnOn(site, visitor)
  await site.emptyMailbox()
  const pages = [await visitor.open('/account/authenticator/'), await visitor.open('/account/authenticator/')]
  const headers = copyOf(visitor)
  await Promise.all(
    pages.map((page) => {
      const body = filled(page, codeAt(keyOn(page), site.clock.time))
      return site.visitor().post('/account/authenticator/verify/', body, headers)
    }),
  )
  assert.is((await site.rows("select 1 from events where kind = 'app_replaced'")).length, 1)
  assert.is((await site.rows('select 1 from authenticator_apps')).length, 1)
  await site.allSent()
  assert.is((await site.rows("select 1 from mails where kind = 'app-replaced'")).length, 1)
})

test.run()
