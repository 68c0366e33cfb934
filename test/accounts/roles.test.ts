import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { rows } from '../support/databases.js'
import { PASSWORD } from '../support/helpers.js'
import { Host } from '../support/host.js'

const test = suite<{ host: Host; ids: string[] }>('roles')

const LAST = /only admin of this site/

test.before.each(async (context) => {
  const host = await Host.start({ mail: 'off' })
  const { accounts } = host.gatehouse
  const ids: string[] = []
  for (const name of ['Anna', 'Bert']) {
    const made = await accounts.create({ name, email: `${name}@example.com`, password: PASSWORD })
    if (made.ok) ids.push(made.user.id)
  }
  Object.assign(context, { host, ids })
})
test.after.each(({ host }) => host.close())

async function refusal(refused: Promise<unknown>): Promise<string> {
  return refused.then(() => 'done', String)
}

test('are sorted words, each once, with an event', async ({ host, ids: [anna = ''] }) => {
  const { accounts } = host.gatehouse
  assert.is(await accounts.addRole(anna, 'editor', { by: 'admin:7' }), true)
  assert.is(await accounts.addRole(anna, 'editor'), false)
  assert.is(await accounts.addRole(anna, 'chief_1'), true)
  assert.equal((await accounts.byId(anna))?.roles, ['chief_1', 'editor'])
  assert.is(await accounts.removeRole(anna, 'chief_1'), true)
  assert.is(await accounts.removeRole(anna, 'chief_1'), false)
  assert.is(await accounts.addRole('nobody', 'editor'), false)
  const events = await rows(
    host.database,
    "select kind, about, actor from events where kind like 'role%' order by id",
  )
  assert.equal(events, [
    { kind: 'role_added', about: 'editor', actor: 'admin:7' },
    { kind: 'role_added', about: 'chief_1', actor: 'host' },
    { kind: 'role_removed', about: 'chief_1', actor: 'host' },
  ])
})

test('a malformed role, too many, and changes to the returned list are refused', async ({
  host,
  ids: [anna = ''],
}) => {
  const { accounts } = host.gatehouse
  for (const role of ['', 'Admin', 'two words', '1st', 'a'.repeat(33)])
    assert.match(await refusal(accounts.addRole(anna, role)), /A role must be/, role)
  for (let index = 0; index < 20; index++) await accounts.addRole(anna, `role${index}`)
  assert.match(await refusal(accounts.addRole(anna, 'editor')), /up to 20 roles/)
  const { roles = [] } = (await accounts.byId(anna)) ?? {}
  assert.throws(() => Reflect.apply(Array.prototype.push, roles, ['admin']))
})

test('list finds the users with a role, and none with a longer role that begins with it', async ({
  host,
  ids,
}) => {
  const { accounts } = host.gatehouse
  const [anna = '', bert = ''] = ids
  await accounts.addRole(anna, 'editor')
  await accounts.addRole(bert, 'editor_b')
  await accounts.addRole(bert, 'editorxb')
  const found = async (role: string) => (await accounts.list({ role })).users.map(({ name }) => name)
  assert.equal(await found('editor'), ['Anna'])
  assert.equal(await found('editor_b'), ['Bert'])
  assert.equal(await found('%'), [])
})

for (const verb of ['removeRole', 'disable', 'close', 'erase'] as const) {
  test(`${verb} is refused for the last admin, and works while there are two`, async ({ host, ids }) => {
    const { accounts } = host.gatehouse
    const [anna = '', bert = ''] = ids
    const act = (id: string) =>
      verb === 'removeRole' ? accounts.removeRole(id, 'admin') : accounts[verb](id)
    await accounts.addRole(anna, 'admin')
    assert.match(await refusal(act(anna)), LAST)
    await accounts.addRole(bert, 'admin')
    assert.is(await act(anna), true)
    assert.match(await refusal(act(bert)), LAST)
    assert.equal((await accounts.byId(bert))?.roles, ['admin'])
  })

  test(`${verb}: if two admins remove each other in parallel, one stays`, async ({ host, ids }) => {
    const { accounts } = host.gatehouse
    for (const id of ids) await accounts.addRole(id, 'admin')
    const act = (id: string) =>
      verb === 'removeRole' ? accounts.removeRole(id, 'admin') : accounts[verb](id)
    const outcomes = await Promise.all(ids.map((id) => refusal(act(id))))
    assert.is(outcomes.filter((outcome) => outcome === 'done').length, 1, outcomes.join())
    assert.is(outcomes.filter((outcome) => LAST.test(outcome)).length, 1, outcomes.join())
  })
}

test('a disabled admin does not count as one who is left', async ({ host, ids: [anna = '', bert = ''] }) => {
  const { accounts } = host.gatehouse
  for (const id of [anna, bert]) await accounts.addRole(id, 'admin')
  await accounts.disable(bert)
  assert.match(await refusal(accounts.disable(anna)), LAST)
  await accounts.enable(bert)
  assert.is(await accounts.disable(anna), true)
})

test.run()
