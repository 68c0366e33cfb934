import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { assertDone, assertRefused, callGatehouse, type Outcome } from '../../support/calling.js'
import { migratedDatabase, Site } from '../../support/helpers.js'

const test = suite('gatehouse users role')
let database: string
let site: Site

test.before(async () => {
  database = await migratedDatabase()
  site = await Site.start({
    database,
    environment: { EMAIL_CONFIRMATION: 'required', PRIVATE_EMAILS: 'true' },
  })
  await site.visitor().signUp('Anna')
})
test.after(() => site.close())

function call(...args: string[]): Promise<Outcome> {
  return callGatehouse(['users', ...args], { database })
}

test('gives and takes away a role, which show and list print, and which prevents expiry', async () => {
  const confirmBy = async () =>
    (await site.rows<{ confirm_by: number | null }>('select confirm_by from users'))[0]
  assert.ok((await confirmBy())?.confirm_by)
  assert.is((await call('role', 'anna', 'add', 'editor')).stdout, 'Anna now has the role editor.\n')
  assert.equal(await confirmBy(), { confirm_by: null })
  await call('role', 'anna', 'add', 'admin')
  assertRefused(await call('role', 'anna', 'add', 'admin'), 1, /^Anna already has the role admin\.$/m)
  assert.match((await call('show', 'anna')).stdout, /^roles +admin, editor$/m)
  const { users } = JSON.parse((await call('list', '--role', 'editor', '--json')).stdout)
  assert.equal(users[0].roles, ['admin', 'editor'])
  assert.match((await call('list', '--role', 'edit')).stdout, /^No users found/)
  const taken = await call('role', 'anna', 'remove', 'editor')
  assertDone(taken)
  assert.is(taken.stdout, 'Anna no longer has the role editor.\n')
  const events = await site.rows(
    'select kind, about, actor from events where kind like ? order by id',
    'role%',
  )
  assert.equal(events.at(-1), { kind: 'role_removed', about: 'editor', actor: 'cli:users role' })
})

test('no command removes the last admin', async () => {
  for (const args of [
    ['role', 'anna', 'remove', 'admin'],
    ['disable', 'anna'],
    ['delete', 'anna', '--yes'],
  ])
    assertRefused(await call(...args), 1, /^This is the only admin of this site\. Make someone else/)
})

test('wrong calls print the usage', async () => {
  assertRefused(await call('role', 'anna', 'add'), 2, /^Missing user, add or remove, or role\. Usage:/)
  assertRefused(await call('role', 'anna', 'give', 'admin'), 2, /^Use add or remove\./)
  assertRefused(await call('role', 'anna', 'add', 'Admin'), 2, /^A role must be up to 32/)
})

test.run()
