import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { requireConfirmed } from '../../src/index.js'
import { Mailbox } from '../../src/testing.js'
import { Host, type HostOptions } from '../support/host.js'

const test = suite('requireConfirmed')

function start(options: HostOptions = {}): Promise<Host> {
  return Host.start({
    mail: new Mailbox(),
    baseUrl: 'http://localhost',
    routes(router) {
      router.all('/vote', requireConfirmed, (ctx) => {
        ctx.body = 'voted'
      })
    },
    ...options,
  })
}

test('redirects to the confirmation, and lets confirmed users through', async () => {
  const host = await start()
  assert.is((await host.visitor().open('/vote')).headers.location, '/members/login/?next=%2Fvote')
  const visitor = await host.settle('Anna')
  assert.is((await visitor.open('/vote')).headers.location, '/members/email/confirm/')
  const page = await visitor.open('/members/email/confirm/')
  assert.match(page.text, 'Confirm your email address first.')
  const refused = await visitor.post('/vote', 'for=Anna')
  assert.is(refused.status, 403)
  assert.match(refused.text, 'href="/members/email/confirm/"')
  const user = await host.gatehouse.accounts.byName('Anna')
  await host.gatehouse.accounts.confirm(user?.id ?? '')
  assert.is((await visitor.open('/vote')).text, 'voted')
  assert.is((await visitor.post('/vote', 'for=Anna')).text, 'voted')
  await host.close()
})

test('is refused if email is off', async () => {
  const host = await start({ mail: 'off' })
  const visitor = await host.settle('Anna')
  const { status, text } = await visitor.open('/vote')
  assert.is(status, 500)
  assert.not.match(text, 'voted')
  await host.close()
})

test.run()
