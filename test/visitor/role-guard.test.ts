import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { requireRole } from '../../src/index.js'
import { Host } from '../support/host.js'

const test = suite('requireRole')

function start(): Promise<Host> {
  return Host.start({
    mail: 'off',
    routes(router) {
      router.get('/roles', (ctx) => {
        ctx.body = ctx.state.user?.roles ?? []
      })
      router.all('/desk', requireRole('editor'), (ctx) => {
        ctx.body = 'the desk'
      })
    },
  })
}

test('redirects visitors to the login, refuses users, and applies a change at the next request', async () => {
  const host = await start()
  const { accounts } = host.gatehouse
  assert.is((await host.visitor().open('/desk')).headers.location, '/members/login/?next=%2Fdesk')
  const visitor = await host.settle('Anna')
  const { id = '' } = (await accounts.byName('Anna')) ?? {}
  for (const role of ['editor2', 'admin']) await accounts.addRole(id, role)
  for (const refused of [await visitor.open('/desk'), await visitor.post('/desk', 'note=x')]) {
    assert.is(refused.status, 403)
    assert.equal(refused.messages(), ['⚠ Your account has no access to this page.'])
  }
  await accounts.addRole(id, 'editor')
  assert.is((await visitor.open('/roles')).text, '["admin","editor","editor2"]')
  assert.is((await visitor.open('/desk')).text, 'the desk')
  await accounts.removeRole(id, 'editor')
  assert.is((await visitor.open('/desk')).status, 403)
  await host.close()
})

test('ignores roles that an app writes into ctx.state.user', async () => {
  const host = await Host.start({
    mail: 'off',
    behind: (ctx, next) => {
      if (ctx.state.user) ctx.state.user.roles = ['editor']
      return next()
    },
    routes(router) {
      router.get('/desk', requireRole('editor'), (ctx) => {
        ctx.body = 'the desk'
      })
    },
  })
  assert.is((await (await host.settle('Anna')).open('/desk')).status, 403)
  await host.close()
})

test('throws for a malformed role', () => {
  for (const role of ['', 'Editor', 'a b']) assert.throws(() => requireRole(role), /requireRole needs a role/)
})

test.run()
