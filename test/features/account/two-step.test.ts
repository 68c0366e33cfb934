import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Site } from '../../support/helpers.js'
import { codeAt, halfway, settled, turnOn } from '../../support/second-step.js'

const test = suite('account/two-step')
let site: Site

test.before.each(async () => {
  site = await Site.start()
})
test.after.each(() => site.close())

test('the page says that it is off, and links to the setup', async () => {
  const visitor = await settled(site, 'Anna')
  const page = await visitor.open('/account/two-step/')
  assert.match(page.text, 'It is off.')
  assert.is(page.$('main a.button').attr('href'), '/account/authenticator/')
})

test('an unconfirmed email address must be confirmed first', async () => {
  const visitor = await site.visitor().settle('Anna')
  assert.match((await visitor.open('/account/two-step/')).text, 'Confirm your email address first.')
  assert.is((await visitor.open('/account/authenticator/')).headers.location, '/account/two-step/')
})

test('the page says what is on, and turns it off with one button', async () => {
  const visitor = await settled(site, 'Anna')
  await turnOn(site, visitor)
  const page = await visitor.open('/account/two-step/')
  assert.match(page.text, 'Left: 10 of 10')
  await visitor.send(page, {}, '/account/two-step/off/')
  const off = await visitor.open('/account/two-step/')
  assert.match(off.messages().join(), 'Two-step verification is off.')
  for (const table of ['authenticator_apps', 'recovery_sets', 'recovery_codes']) {
    assert.is((await site.rows(`select 1 from ${table}`)).length, 0)
  }
  const other = site.visitor()
  assert.is((await other.logIn('Anna')).headers.location, '/')
})

test('the page says that the clock of the app is ahead, until it no longer is', async () => {
  const AHEAD = 'The clock of its device is ahead'
  const visitor = await settled(site, 'Early')
  const { secret } = await turnOn(site, visitor)
  assert.not.match((await visitor.open('/account/two-step/')).text, AHEAD)
  const logIn = async (code: (now: number) => string) => {
    site.clock.advance(90_000)
    const other = site.visitor()
    await other.send(await halfway(other, 'Early'), { code: code(site.clock.time) })
    return (await other.open('/account/two-step/')).text
  }
  assert.match(await logIn((now) => codeAt(secret, now + 30_000)), AHEAD)
  assert.not.match(await logIn((now) => codeAt(secret, now)), AHEAD)
  assert.not.match(await logIn((now) => codeAt(secret, now - 30_000)), AHEAD)
})

test('the network’s limit of emails does not stop turning it on or off', async () => {
  const crowded = await Site.start({ environment: { LIMIT_MAIL_NETWORK: '1/1h' } })
  const visitor = await settled(crowded, 'Anna')
  await turnOn(crowded, visitor)
  const overview = await visitor.open('/account/two-step/')
  assert.is((await visitor.send(overview, {}, '/account/two-step/off/')).status, 303)
  assert.match((await visitor.open('/account/two-step/')).messages().join(), 'Two-step verification is off.')
  await crowded.close()
})

test.run()
