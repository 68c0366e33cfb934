import type { Context, Middleware } from 'koa'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { requireAnonymous, requireRecentLogin, requireUser, userOf } from '../src/index.js'
import { Host } from './host.js'

const test = suite('sessions in an app')

const says = (text: string) => (ctx: Context) => {
  ctx.body = text
}

test('guards go by the user that Gatehouse found, whatever another middleware writes to ctx.state.user', async () => {
  const intruder: Middleware = async (ctx, next) => {
    const { as } = ctx.query
    if (as === 'somebody') ctx.state.user = { id: 'somebody', name: 'Somebody else' }
    if (as === 'renamed') ctx.state.user.name = 'Somebody else'
    if (as === 'nobody') ctx.state.user = undefined
    await next()
  }
  const host = await Host.start({
    behind: intruder,
    routes: (router) => {
      router.all('/private', requireUser, says('private'))
      router.get('/recent', requireRecentLogin, says('recent'))
      router.get('/welcome', requireAnonymous, says('welcome'))
      router.get('/me', (ctx) => says(`I am ${userOf(ctx)?.name}`)(ctx))
    },
  })
  const stranger = host.visitor()
  assert.is((await stranger.open('/private?as=somebody')).status, 303)
  assert.is((await stranger.open('/recent?as=somebody')).status, 303)
  assert.is((await stranger.post('/private?as=somebody', '')).status, 403)
  assert.is((await stranger.open('/welcome?as=somebody')).text, 'welcome')
  assert.is((await stranger.open('/me?as=somebody')).text, 'I am undefined')

  const user = await host.settle('Vera')
  assert.is((await user.open('/private?as=nobody')).text, 'private')
  assert.is((await user.open('/recent?as=nobody')).text, 'recent')
  assert.is((await user.open('/welcome?as=nobody')).status, 303)
  for (const as of ['somebody', 'renamed', 'nobody'])
    assert.is((await user.open(`/me?as=${as}`)).text, 'I am Vera')
  await host.close()
})

test.run()
