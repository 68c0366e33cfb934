import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { assertDone, assertRefused, callGatehouse, type Outcome } from '../../support/calling.js'
import { migratedDatabase, Site } from '../../support/helpers.js'
import { settled, turnOn } from '../../support/second-step.js'

const test = suite('gatehouse users two-step')
let database: string
let site: Site

test.before.each(async () => {
  database = await migratedDatabase()
  site = await Site.start({ database })
})
test.after.each(() => site.close())

function call(...args: string[]): Promise<Outcome> {
  return callGatehouse(['users', ...args], { database })
}

test('shows whether it is on and with what, but no secret', async () => {
  const visitor = await settled(site, 'Anna')
  const off = await call('two-step', 'anna')
  assertDone(off)
  assert.is(off.stdout, 'Two-step verification of Anna is off.\n')
  const { secret, codes } = await turnOn(site, visitor)
  const on = await call('two-step', 'Anna@example.com')
  assertDone(on)
  assert.match(on.stdout, /^Two-step verification of Anna is on since 2026-01-01T/)
  assert.match(on.stdout, /^Authenticator app: set up 2026-01-01T[^ ]+, not used since\.$/m)
  assert.match(on.stdout, /^Recovery codes left: 10 of 10\.$/m)
  const shown = await call('show', 'anna')
  assert.match(shown.stdout, /^secondStepAt +2026-01-01T/m)
  assert.match(shown.stdout, /^authenticator_apps:$/m)
  for (const { stdout } of [on, shown]) {
    for (const hidden of [secret, ...codes]) assert.not.match(stdout, hidden)
  }
})

test('--off ends all sessions, and the password is enough to log in', async () => {
  // The command uses the real clock.
  site.clock.time = Date.now()
  const visitor = await settled(site, 'Anna')
  await turnOn(site, visitor)
  const done = await call('two-step', 'anna', '--off')
  assertDone(done)
  assert.is(done.stdout, 'Turned off two-step verification of Anna. Sessions ended: 1.\n')
  assert.is((await visitor.open('/account/')).status, 303)
  for (const table of ['sessions', 'authenticator_apps', 'recovery_sets', 'recovery_codes']) {
    assert.equal(await site.rows(`select 1 from ${table}`), [])
  }
  assert.equal(await site.rows("select actor from events where kind = 'second_off'"), [
    { actor: 'cli:users two-step' },
  ])
  assert.is((await site.visitor().logIn('Anna')).headers.location, '/')
  assertRefused(await call('two-step', 'anna', '--off'), 1, /^Two-step verification of Anna is already off\./)
})

test('shows that the user asked by email to turn it off, and --off ends that', async () => {
  site.clock.time = Date.now()
  await turnOn(site, await settled(site, 'Anna'))
  const endsAt = Date.now() + 60_000
  await site.write(`update users set second_ends_at = ${endsAt}`)
  const shown = await call('two-step', 'anna')
  const from = new Date(endsAt).toISOString()
  assert.match(shown.stdout, `Asked by email to turn it off: possible without a code from ${from}.`)
  assert.match((await call('show', 'anna')).stdout, new RegExp(`^secondEndsAt +${from}`, 'm'))
  assertDone(await call('two-step', 'anna', '--off'))
  assert.equal(await site.rows('select 1 from users where second_ends_at is not null'), [])
})

test('--off also removes the passkeys, which a required second step would ask for', async () => {
  site.clock.time = Date.now()
  const visitor = await settled(site, 'Anna')
  await turnOn(site, visitor)
  await site.write(
    `insert into passkeys (id, user_id, public_key, counter, backup_eligible, backed_up, verified_at_creation, transports, aaguid, rp_id, name, created_at)
     select 'lost', id, '', 0, 0, 0, 1, '', '', 'localhost', '', 1 from users`,
  )
  assertDone(await call('two-step', 'anna', '--off'))
  assert.equal(await site.rows('select 1 from passkeys'), [])
})

test('takes exactly one user', async () => {
  assertRefused(await call('two-step'), 2, /^Missing user\. Usage: gatehouse users two-step </)
  assertRefused(await call('two-step', 'nobody'), 1, /^No user found: nobody\./)
})

test.run()
