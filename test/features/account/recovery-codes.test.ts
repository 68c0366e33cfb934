import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { MINUTE } from '../../../src/base/durations.js'
import { Site } from '../../support/helpers.js'
import { codesOn, copyOf, reopen, settled, turnOn } from '../../support/second-step.js'

const test = suite('account/recovery-codes')
let site: Site

test.before.each(async () => {
  site = await Site.start()
})
test.after.each(() => site.close())

test('10 codes of 20 digits are shown for 10 minutes, with a download', async () => {
  const visitor = await settled(site, 'Anna')
  const { codes, secret } = await turnOn(site, visitor)
  for (const code of codes) assert.match(code, /^\d{5}(?: \d{5}){3}$/)
  assert.is(new Set(codes).size, 10)
  const page = await visitor.open('/account/recovery-codes/')
  assert.equal(codesOn(page), codes)
  const file = await visitor.send(page, {}, '/account/recovery-codes/file/')
  assert.match(file.headers['content-disposition'] ?? '', 'recovery-codes.txt')
  assert.match(file.headers['content-type'] ?? '', 'text/plain')
  assert.equal(file.text.split('\r\n').slice(3, 13), codes)
  site.clock.advance(10 * MINUTE)
  const late = await reopen(site, visitor, '/account/recovery-codes/', secret)
  assert.equal(codesOn(late), [])
  assert.match(late.text, 'Left: 10 of 10')
})

test('new codes end the old ones', async () => {
  const visitor = await settled(site, 'Anna')
  const { codes, secret } = await turnOn(site, visitor)
  site.clock.advance(10 * MINUTE)
  const page = await reopen(site, visitor, '/account/recovery-codes/', secret)
  await visitor.send(page, {}, '/account/recovery-codes/')
  const made = codesOn(await visitor.open('/account/recovery-codes/'))
  assert.is(made.length, 10)
  const other = site.visitor()
  await other.logIn('Anna')
  const step = await other.open('/login/two-step/')
  assert.is((await other.send(step, { code: codes[0] })).status, 406)
  assert.is((await other.send(step, { code: made[0] })).status, 303)
})

test('a double click creates new codes once, and both responses lead to them', async () => {
  const visitor = await settled(site, 'Anna')
  const { secret } = await turnOn(site, visitor)
  site.clock.advance(10 * MINUTE)
  const page = await reopen(site, visitor, '/account/recovery-codes/', secret)
  const body = page.$('main form[action="/account/recovery-codes/"]').serialize()
  const headers = copyOf(visitor)
  const [first, second, third] = [site.visitor(), site.visitor(), site.visitor()]
  await Promise.all([first, second].map((one) => one.post('/account/recovery-codes/', body, headers)))
  await third.post('/account/recovery-codes/', body, headers)
  assert.is((await site.rows("select 1 from events where kind = 'recovery_made'")).length, 1)
  const shown = []
  for (const one of [first, second, third]) {
    const { Cookie } = copyOf(visitor)
    const own = copyOf(one).Cookie
    shown.push(codesOn(await one.open('/account/recovery-codes/', { Cookie: `${own}; ${Cookie}` })))
  }
  assert.is(shown[0]?.length, 10)
  assert.equal(shown, Array(3).fill(shown[0]))
})

test('the database has no readable code or secret', async () => {
  const visitor = await settled(site, 'Anna')
  const { codes, secret } = await turnOn(site, visitor)
  const stored = JSON.stringify([
    await site.rows('select * from authenticator_apps'),
    await site.rows('select * from recovery_sets'),
    await site.rows('select * from recovery_codes'),
  ])
  for (const text of [secret, ...codes, ...codes.map((code) => code.replaceAll(' ', ''))]) {
    assert.not(stored.includes(text))
  }
})

test('new codes are limited to 5 times an hour, without email, too', async () => {
  const silent = await Site.start({ mail: 'off' })
  const visitor = await silent.visitor().settle('Anna')
  const { secret } = await turnOn(silent, visitor)
  const responses = []
  for (let time = 0; time < 6; time++) {
    silent.clock.advance(10 * MINUTE)
    const page = await reopen(silent, visitor, '/account/recovery-codes/', secret)
    responses.push(await visitor.send(page, {}, '/account/recovery-codes/'))
  }
  assert.equal(
    responses.map(({ status }) => status),
    [...Array(5).fill(303), 429],
  )
  assert.match(responses.at(-1)?.messages().join() ?? '', 'Two-step verification has been changed too often.')
  await silent.close()
})

test.run()
