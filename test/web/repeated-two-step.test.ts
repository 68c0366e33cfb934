import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { MINUTE } from '../../src/base/durations.js'
import { PASSWORD, type Page, Site, type Visitor } from '../support/helpers.js'
import { sentTwice, shownMessage } from '../support/lost-response.js'
import { codeAt, codesOn, halfway, keyOn, reopen, settled, turnOn } from '../support/second-step.js'

const test = suite('a two-step verification form submitted again because the response was lost')
let site: Site

test.before(async () => {
  site = await Site.start({ environment: { LIMIT_MAIL_NETWORK: '1000/1h', LIMIT_SIGNUP_NETWORK: '1000/1h' } })
})
test.after(() => site.close())

let made = 0

async function owner(htmx: boolean): Promise<{ name: string; visitor: Visitor }> {
  const name = `Owner${++made}`
  return { name, visitor: await settled(site, name, { htmx }) }
}

async function count(name: string, kind: string): Promise<number> {
  const rows = await site.rows(
    'select 1 from events join users on users.id = user_id where name = ? and kind = ?',
    name,
    kind,
  )
  return rows.length
}

/** Checks that the session still works after its old token has expired. */
async function stays(visitor: Visitor): Promise<void> {
  site.clock.advance(3 * MINUTE)
  assert.is((await visitor.open('/account/')).status, 200)
}

const code = (secret: string) => ({ code: codeAt(secret, site.clock.time) })

const placeOf = ({ headers }: Page) => headers['hx-redirect'] ?? headers.location

for (const htmx of [false, true]) {
  const kind = htmx ? 'htmx' : 'a plain browser'

  test(`${kind}: two-step verification turns on once and shows its codes`, async () => {
    const { name, visitor } = await owner(htmx)
    const page = await visitor.open('/account/authenticator/')
    const again = await sentTwice(site, visitor, page, code(keyOn(page)))
    assert.match(await shownMessage(visitor, again), 'Two-step verification is on')
    assert.is(codesOn(await visitor.open('/account/recovery-codes/')).length, 10)
    assert.is(await count(name, 'second_on'), 1)
    await stays(visitor)
  })

  test(`${kind}: a login with a code creates one session`, async () => {
    const { name, visitor } = await owner(htmx)
    const { secret } = await turnOn(site, visitor)
    const other = site.visitor({ htmx })
    const before = await count(name, 'logged_in')
    const again = await sentTwice(site, other, await halfway(other, name), code(secret))
    assert.is(again.status, htmx ? 200 : 303)
    assert.is(await count(name, 'logged_in'), before + 1)
    await stays(other)
  })

  test(`${kind}: confirming with a code succeeds`, async () => {
    const { name, visitor } = await owner(htmx)
    const { secret } = await turnOn(site, visitor)
    site.clock.advance(11 * MINUTE)
    const page = await reopen(site, visitor, '/account/authenticator/')
    const again = await sentTwice(site, visitor, page, code(secret))
    assert.is(placeOf(again), '/account/authenticator/')
    assert.is((await visitor.open('/account/authenticator/')).status, 200)
    assert.is(await count(name, 'second_confirmed'), 1)
    await stays(visitor)
  })

  test(`${kind}: a wrong code is refused, and the next code succeeds`, async () => {
    const { visitor } = await owner(htmx)
    const { secret } = await turnOn(site, visitor)
    site.clock.advance(11 * MINUTE)
    const page = await reopen(site, visitor, '/account/authenticator/')
    const other = { code: '000000' }
    const wrong = await sentTwice(site, visitor, page, code(secret), { other })
    assert.match(await shownMessage(visitor, wrong), 'The code is not correct or has already been used')
    assert.is(wrong.sessionCookie, '')
    const next = await visitor.send(page, code(secret))
    assert.is(placeOf(next), '/account/authenticator/')
    await stays(visitor)
  })

  test(`${kind}: the authenticator app is replaced once`, async () => {
    const { name, visitor } = await owner(htmx)
    await turnOn(site, visitor)
    const page = await visitor.open('/account/authenticator/')
    const again = await sentTwice(site, visitor, page, code(keyOn(page)))
    assert.match(await shownMessage(visitor, again), 'Your new authenticator app is set up')
    assert.is(await count(name, 'app_replaced'), 1)
    await stays(visitor)
  })

  test(`${kind}: new recovery codes are created once and shown`, async () => {
    const { name, visitor } = await owner(htmx)
    const { secret } = await turnOn(site, visitor)
    site.clock.advance(11 * MINUTE)
    const page = await reopen(site, visitor, '/account/recovery-codes/', secret)
    const again = await sentTwice(site, visitor, page, {}, { action: '/account/recovery-codes/' })
    assert.match(await shownMessage(visitor, again), 'Here are your new recovery codes')
    assert.is(codesOn(await visitor.open('/account/recovery-codes/')).length, 10)
    assert.is(await count(name, 'recovery_made'), 1)
    await stays(visitor)
  })

  test(`${kind}: two-step verification turns off once and keeps the session`, async () => {
    const { name, visitor } = await owner(htmx)
    await turnOn(site, visitor)
    const page = await visitor.open('/account/two-step/')
    const again = await sentTwice(site, visitor, page, {}, { action: '/account/two-step/off/' })
    assert.match(await shownMessage(visitor, again), 'Two-step verification is off')
    assert.is(await count(name, 'second_off'), 1)
    await stays(visitor)
  })

  test(`${kind}: a password change with two-step verification succeeds`, async () => {
    const { name, visitor } = await owner(htmx)
    await turnOn(site, visitor)
    const page = await visitor.open('/account/password/')
    const typed = { current: PASSWORD, password: 'another horse 43', repassword: 'another horse 43' }
    const again = await sentTwice(site, visitor, page, typed)
    assert.match(await shownMessage(visitor, again), 'Your password has been changed')
    assert.is(await count(name, 'password_changed'), 1)
    await stays(visitor)
  })

  test(`${kind}: an account with two-step verification is closed once`, async () => {
    const { name, visitor } = await owner(htmx)
    await turnOn(site, visitor)
    const closed = await sentTwice(site, visitor, await visitor.open('/account/close/'), {})
    assert.match(await shownMessage(visitor, closed), 'Your account is closed')
    assert.is(await count(name, 'account_closed'), 1)
  })
}

test.run()
