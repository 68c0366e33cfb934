import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { MINUTE } from '../../../../src/base/durations.js'
import { type Page, Site, type Visitor } from '../../../support/helpers.js'
import { addPasskey, type Ceremony, Device, optionsOn } from '../../../support/passkey.js'
import { codeAt, settled, turnOn } from '../../../support/second-step.js'

const test = suite('password/confirm/passkey')
let site: Site

test.before(async () => {
  site = await Site.start({ host: 'localhost' })
})
test.after(() => site.close())

const TOO_LATE = 10 * MINUTE
const GUARDED = '/members/recent/'
const FACTORS = '/account/recovery-codes/'
const WRONG = '⚠ The passkey did not work. Try again, or use another way.'
const OLD = '⚠ This page was open for too long, or was already used. Nothing is lost: press the button again.'

/** A user with a passkey, whose login is no longer recent. */
async function withPasskey(
  name: string,
  options?: { htmx: boolean },
): Promise<{ visitor: Visitor; device: Device }> {
  const visitor = await settled(site, name, options)
  const device = new Device()
  await addPasskey(site, visitor, device)
  site.clock.advance(TOO_LATE)
  return { visitor, device }
}

/** The same with two-step verification. */
async function withBoth(name: string): Promise<{ visitor: Visitor; device: Device; secret: string }> {
  const visitor = await settled(site, name)
  const device = new Device()
  await addPasskey(site, visitor, device)
  const { secret } = await turnOn(site, visitor)
  site.clock.advance(TOO_LATE)
  return { visitor, device, secret }
}

function press(visitor: Visitor, page: Page, credential: string): Promise<Page> {
  const fields = new URLSearchParams(page.$('#confirm').serialize())
  fields.set('credential', credential)
  return visitor.post(page.$('[data-passkey]').attr('formaction') ?? '', fields.toString())
}

function usedOn(page: Page, device: Device, ceremony: Partial<Ceremony> = {}): string {
  return device.use(page, { origin: site.address, ...ceremony })
}

async function openConfirmation(visitor: Visitor, path: string): Promise<Page> {
  const { location = '' } = (await visitor.open(path)).headers
  assert.match(location, '/password/confirm/')
  return visitor.open(location)
}

async function eventsOf(name: string): Promise<unknown[]> {
  return site.rows(
    "select kind from events join users on users.id = user_id where users.name = ? and kind like '%confirmed' and kind != 'email_confirmed'",
    name,
  )
}

for (const htmx of [false, true]) {
  test(`${htmx ? 'htmx' : 'plain'}: a passkey replaces the password`, async () => {
    const name = `Anna${htmx}`
    const { visitor, device } = await withPasskey(name, { htmx })
    const page = await openConfirmation(visitor, GUARDED)
    assert.equal(
      optionsOn(page).get.allowCredentials?.map(({ id }) => id),
      [device.id.toString('base64url')],
    )
    const response = await press(visitor, page, usedOn(page, device))
    assert.is(response.headers[htmx ? 'hx-redirect' : 'location'], GUARDED, response.text)
    assert.is((await visitor.open(GUARDED)).status, 200)
    assert.equal(await eventsOf(name), [{ kind: 'passkey_confirmed' }])
  })
}

test('a passkey that has checked its user is both steps', async () => {
  const { visitor, device } = await withBoth('Both')
  const page = await openConfirmation(visitor, FACTORS)
  assert.is(optionsOn(page).get.userVerification, 'preferred')
  await press(visitor, page, usedOn(page, device))
  assert.is((await visitor.open(FACTORS)).status, 200)
  site.clock.advance(TOO_LATE)
  assert.is((await visitor.open(FACTORS)).status, 303)
})

test('a passkey that has not checked its user stands for the password, never for the code', async () => {
  const { visitor, device, secret } = await withBoth('Present')
  const page = await openConfirmation(visitor, FACTORS)
  const first = await press(visitor, page, usedOn(page, device, { isVerified: false }))
  assert.is(first.headers.location, FACTORS)
  const second = await openConfirmation(visitor, FACTORS)
  assert.is(second.title.startsWith('Enter a code'), true)
  assert.is(optionsOn(second).get.userVerification, 'required')
  const refused = await press(visitor, second, usedOn(second, device, { isVerified: false }))
  assert.equal([refused.status, refused.messages()], [406, [WRONG]])
  assert.is((await visitor.open(FACTORS)).status, 303)
  await visitor.send(refused, { code: codeAt(secret, site.clock.time) })
  assert.is((await visitor.open(FACTORS)).status, 200)
})

test('a form that needed it comes back filled in', async () => {
  const { visitor, device } = await withPasskey('Typist')
  const form = await visitor.open('/password/confirm/')
  await press(visitor, form, usedOn(form, device))
  const page = await visitor.open(GUARDED)
  site.clock.advance(TOO_LATE)
  const late = await visitor.send(page, { note: 'kept' })
  assert.is(late.status, 403)
  assert.is(late.$('[data-passkey]').attr('data-hx-action'), undefined, 'the browser opens the next page')
  const response = await press(visitor, late, usedOn(late, device))
  assert.is(response.headers.location, GUARDED, response.text)
  assert.is((await visitor.open(GUARDED)).value('note'), 'kept')
})

test('the token of the session is renewed, and a form submitted twice proves nothing more', async () => {
  const { visitor, device } = await withPasskey('Twice')
  const page = await openConfirmation(visitor, GUARDED)
  const credential = usedOn(page, device)
  const first = await press(visitor, page, credential)
  const again = await press(visitor, page, credential)
  assert.equal([first.status, again.status], [303, 303])
  assert.ok(first.sessionCookie !== '' && again.sessionCookie !== first.sessionCookie)
  assert.is((await eventsOf('Twice')).length, 1)
  assert.is((await visitor.open(GUARDED)).status, 200)
})

test('another user’s passkey, another page’s challenge and a used one are refused', async () => {
  const { visitor, device } = await withPasskey('Owner')
  const other = await withPasskey('Other')
  site.clock.advance(TOO_LATE)
  const page = await openConfirmation(visitor, GUARDED)
  const handle = JSON.parse(usedOn(page, device)).response.userHandle
  for (const ceremony of [{}, { userHandle: handle }]) {
    const form = await openConfirmation(visitor, GUARDED)
    const refused = await press(visitor, form, usedOn(form, other.device, ceremony))
    assert.equal([refused.status, refused.messages()], [406, [WRONG]])
  }
  const login = await site.visitor().open('/login/')
  const foreign = await press(visitor, page, usedOn(login, device))
  assert.equal([foreign.status, foreign.messages()], [403, [OLD]])
  const stranger = await openConfirmation(other.visitor, GUARDED)
  const stolen = await press(visitor, page, usedOn(stranger, device))
  assert.equal([stolen.status, stolen.messages()], [403, [OLD]])
  assert.is((await visitor.open(GUARDED)).status, 303)
})

test('canceling shows a hint, without loading a page', async () => {
  const { visitor, device } = await withPasskey('Canceling')
  const page = await openConfirmation(visitor, GUARDED)
  const response = await press(visitor, page, 'error NotAllowedError')
  assert.equal([response.status, response.messages()], [406, []])
  assert.match(response.text, 'No passkey was used. Try again, or use another way.')
  await press(visitor, response, usedOn(response, device))
  assert.is((await visitor.open(GUARDED)).status, 200)
})

test('users without a passkey, and sites with passkeys off, have no button', async () => {
  const visitor = await settled(site, 'Without')
  site.clock.advance(TOO_LATE)
  const page = await openConfirmation(visitor, GUARDED)
  assert.is(page.$('[data-passkey], script[src*=passkeys]').length, 0)
  const { device } = await withPasskey('Offline')
  const off = await Site.start({
    host: 'localhost',
    database: site.database,
    features: { 'account/passkeys': false },
  })
  const elsewhere = off.visitor()
  await elsewhere.logIn('Offline')
  const form = await elsewhere.open('/password/confirm/')
  assert.is(form.$('[data-passkey]').length, 0)
  const sent = await elsewhere.post('/password/confirm/passkey/', `credential=${device.id.toString('hex')}`)
  assert.is(sent.status, 404)
  await off.close()
})

test.run()
