import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { PASSWORD, Site, type Visitor } from '../support/helpers.js'
import { codeAt, halfway, keyOn, type SecondStep, settled, turnOn } from '../support/second-step.js'

const test = suite('a request overtaken by another')
let site: Site
let owner: Visitor

test.before.each(async () => {
  site = await Site.start()
  owner = await settled(site, 'Anna')
})
test.after.each(() => site.close())

async function countOf(table: string): Promise<number> {
  return (await site.rows(`select 1 from ${table}`)).length
}

const ON = 'users where second_step_at is not null'
const MEANWHILE = 'create trigger meanwhile after'

test('an ended session turns two-step verification neither on nor off', async () => {
  const page = await owner.open('/account/authenticator/')
  const trigger = `${MEANWHILE} update of second_step_at on users begin delete from sessions; end`
  await site.write(trigger)
  await owner.send(page, { code: codeAt(keyOn(page), site.clock.time) })
  for (const none of [ON, 'authenticator_apps', 'recovery_codes', "events where kind = 'second_on'"]) {
    assert.is(await countOf(none), 0)
  }
  await site.write('drop trigger meanwhile')
  await turnOn(site, owner)
  const overview = await owner.open('/account/two-step/')
  await site.write(trigger)
  await owner.send(overview, {}, '/account/two-step/off/')
  for (const one of [ON, 'authenticator_apps']) assert.is(await countOf(one), 1)
  assert.is(await countOf("events where kind = 'second_off'"), 0)
})

test('an ended session changes no password', async () => {
  await site.write(`${MEANWHILE} update of password_hash on users begin delete from sessions; end`)
  const page = await owner.open('/account/password/')
  const typed = { current: PASSWORD, password: 'another horse 43', repassword: 'another horse 43' }
  assert.is((await owner.send(page, typed)).status, 406)
  assert.is(await countOf("events where kind = 'password_changed'"), 0)
  assert.is((await site.visitor().logIn('Anna')).status, 303)
})

/** Logs in while the account changes at the event, and checks that the login fails. */
async function assertOvertaken(anna: SecondStep, event: string): Promise<void> {
  const when = `when new.kind = '${event}'`
  await site.write(
    `${MEANWHILE} insert on events ${when} begin update users set device_stamp = 'another'; end`,
  )
  const visitor = site.visitor()
  const response = await visitor.send(await halfway(visitor, 'Anna'), { code: anna.codes[0] })
  assert.is(response.sessionCookie, '')
  assert.is(await countOf(`events where kind = '${event}'`), 0)
}

test('a login that fails at the end uses up no recovery code', async () => {
  const anna = await turnOn(site, owner)
  await assertOvertaken(anna, 'recovery_used')
  assert.is(await countOf('recovery_codes where used_at is not null'), 0)
  assert.is(await countOf("mails where kind = 'recovery-used'"), 0)
})

test('a login that fails at the end reopens no closed account', async () => {
  const anna = await turnOn(site, owner)
  await site.write(`update users set closed_at = ${site.clock.time - 1}`)
  await assertOvertaken(anna, 'account_reopened')
  assert.is(await countOf('users where closed_at is not null'), 1)
})

test('a repeated code creates no session when the first one ends meanwhile', async () => {
  const { secret } = await turnOn(site, owner)
  const visitor = site.visitor()
  const page = await halfway(visitor, 'Anna')
  const fields = new URLSearchParams(page.$('main form').serialize())
  fields.set('code', codeAt(secret, site.clock.time))
  const access = { domain: '127.0.0.1', path: '/', secure: false, script: false }
  const headers = { Cookie: visitor.agent.jar.getCookies(access).toValueString() }
  const send = () => site.visitor().post('/login/two-step/verify/', fields.toString(), headers)
  assert.ok((await send()).sessionCookie)
  await site.write(
    'create trigger meanwhile before insert on sessions begin delete from sessions where login_form = new.login_form; end',
  )
  const again = await send()
  assert.is(again.sessionCookie, '')
  assert.is(await countOf("sessions where methods like '%app%'"), 1)
})

test.run()
