import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { PASSWORD, Site, type Visitor } from '../support/helpers.js'
import { settled, turnOn } from '../support/second-step.js'

const test = suite('a mailbox without the second step')
let site: Site
let owner: Visitor

test.before.each(async () => {
  site = await Site.start()
  owner = await settled(site, 'Anna')
  await turnOn(site, owner)
  await site.emptyMailbox()
})
test.after.each(() => site.close())

const ADDRESS = 'Anna@example.com'
const passwords = { password: 'another horse 43', repassword: 'another horse 43' }

/** Resets the password as someone who can read Anna's emails and knows nothing else. */
async function reset(reader: Visitor, { asked }: { asked: boolean }): Promise<void> {
  if (asked) await reader.send(await reader.open('/password/forgot/'), { username: 'Anna' })
  const mail = await site.mailThat(ADDRESS, ({ link }) => link.includes('/password/reset/'))
  assert.match((await reader.send(await reader.follow(mail), passwords)).headers.location ?? '', '/login/')
}

/** Checks that the password leads to the second step, and that half a login opens no page of the account. */
async function assertHalfway(reader: Visitor, password = passwords.password): Promise<void> {
  const before = await site.rows('select id from sessions')
  assert.is((await reader.logIn('Anna', { password })).headers.location, '/login/two-step/')
  for (const path of [
    ...['/account/', '/account/two-step/', '/account/authenticator/', '/account/recovery-codes/'],
    ...['/account/email/', '/account/password/', '/account/export/'],
  ]) {
    assert.match((await reader.open(path)).headers.location ?? '', '/login/', path)
  }
  for (const path of [
    '/account/two-step/off/',
    '/account/recovery-codes/',
    '/account/authenticator/verify/',
  ]) {
    assert.is((await reader.post(path, 'code=123456')).status, 403, path)
  }
  assert.equal(await site.rows('select id from sessions'), before)
  assert.is((await site.rows('select 1 from users where second_step_at is not null')).length, 1)
  assert.is((await site.rows('select 1 from authenticator_apps')).length, 1)
  assert.is((await site.rows('select 1 from recovery_codes where used_at is null')).length, 10)
}

test('a reset by link changes the password and stops at the second step', async () => {
  const reader = site.visitor()
  await reset(reader, { asked: true })
  assert.equal(await site.rows('select id from sessions'), [])
  await assertHalfway(reader)
})

test('a reset by code changes the password and stops at the second step', async () => {
  const reader = site.visitor()
  await reader.send(await reader.open('/password/forgot/'), { username: 'Anna' })
  const { code } = await site.mailThat(ADDRESS, (mail) => mail.code !== '')
  const choosing = await reader.send(await reader.open('/password/reset/'), { code })
  await reader.send(await reader.open(choosing.headers.location ?? '/password/reset/'), passwords)
  await assertHalfway(reader)
})

test('undoing an email change, then a reset, stops at the second step', async () => {
  const form = await owner.open('/account/email/')
  await owner.send(form, { email: 'new@example.com', password: PASSWORD })
  const change = await site.mail('new@example.com')
  await owner.send(await owner.follow(change))
  const undo = await site.mailThat(ADDRESS, ({ link }) => link.includes('/account/email/undo/'))
  const reader = site.visitor()
  await reader.send(await reader.follow(undo))
  await reset(reader, { asked: false })
  assert.equal(await site.rows('select id from sessions'), [])
  await assertHalfway(reader)
})

test('confirming an email change creates no session', async () => {
  const form = await owner.open('/account/email/')
  await owner.send(form, { email: 'new@example.com', password: PASSWORD })
  const reader = site.visitor()
  await reader.send(await reader.follow(await site.mail('new@example.com')))
  assert.match((await reader.open('/account/')).headers.location ?? '', '/login/')
  await assertHalfway(reader, PASSWORD)
})

test('reopening a closed account, then a reset, stops at the second step', async () => {
  await owner.send(await owner.open('/account/close/'))
  const closed = await site.mailThat(ADDRESS, ({ link }) => link.includes('/account/close/undo/'))
  const reader = site.visitor()
  await reader.send(await reader.follow(closed))
  await reset(reader, { asked: true })
  await assertHalfway(reader)
})

test.run()
