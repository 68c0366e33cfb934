import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type AccountsOptions, logIn, requireUser } from '../../src/index.js'
import { Host } from '../support/host.js'

const test = suite('a login step of the app')

interface Terms {
  host: Host
  accepted: Set<string>
}

/** Starts an app whose users must accept its terms at /terms/. */
async function start(options: Partial<AccountsOptions> = {}): Promise<Terms> {
  const accepted = new Set<string>()
  const host = await Host.start({
    places: { home: '/home' },
    loginStep: async ({ name }) => (accepted.has(name) ? undefined : '/terms/?version=2'),
    ...options,
    routes(router, { accounts }) {
      for (const path of ['/home', '/terms/', '/private']) {
        router.get(path, requireUser, (ctx) => {
          ctx.body = path
        })
      }
      router.post('/private', requireUser, (ctx) => {
        ctx.body = 'done'
      })
      router.get('/enter', async (ctx) => {
        const user = await accounts.byName('Anna')
        ctx.redirect((user && (await logIn(ctx, user, { next: '/private' })))?.path ?? '')
      })
    },
  })
  return { host, accepted }
}

test('follows the login, keeps its destination, and is required until done', async () => {
  const { host, accepted } = await start()
  const visitor = host.visitor()
  await host.signUp(visitor, 'Anna')
  const login = await visitor.open('/members/login/?next=/private')
  const typed = { username: 'Anna', password: 'correct horse 42' }
  const done = await visitor.send(login, typed)
  assert.is(done.headers.location, '/terms/?version=2&next=%2Fprivate')
  assert.is((await visitor.open('/terms/?version=2')).text, '/terms/')
  assert.is(
    (await visitor.open('/private?x=1')).headers.location,
    '/terms/?version=2&next=%2Fprivate%3Fx%3D1',
  )
  assert.is((await visitor.open('/members/account/')).status, 303)
  accepted.add('Anna')
  assert.is((await visitor.open('/private')).text, '/private')
  assert.is((await visitor.open('/members/account/')).status, 200)
  await host.close()
})

for (const step of ['/', '/priv']) {
  test(`at ${step} allows no page whose path only begins with it`, async () => {
    const { host } = await start({ loginStep: () => step })
    const visitor = await host.settle('Anna')
    assert.is((await visitor.open('/private')).headers.location, `${step}?next=%2Fprivate`)
    await host.close()
  })
}

test('refuses forms until it is done, with a link to its page', async () => {
  const { host, accepted } = await start()
  const visitor = await host.settle('Anna')
  const refused = await visitor.post('/private', 'text=kept')
  assert.is(refused.status, 403)
  assert.match(refused.text, 'You need one more step before you can do this.')
  assert.match(refused.text, 'href="/terms/?version=2')
  accepted.add('Anna')
  assert.is((await visitor.post('/private', 'text=kept')).text, 'done')
  await host.close()
})

test('still allows logging out, downloading data and closing the account', async () => {
  const { host } = await start()
  const visitor = await host.settle('Anna')
  for (const path of ['logout', 'account/export', 'account/close', 'password/confirm']) {
    assert.is(
      (await visitor.open(`/members/${path}/`)).headers.location?.startsWith('/terms/') ?? false,
      false,
      path,
    )
  }
  assert.is((await visitor.open('/members/account/name/')).headers.location?.startsWith('/terms/'), true)
  await host.close()
})

test('follows a login in code, too', async () => {
  const { host } = await start()
  await host.settle('Anna')
  const entered = await host.visitor().open('/enter')
  assert.is(entered.headers.location, '/terms/?version=2&next=%2Fprivate')
  await host.close()
})

test('never leads to another site', async () => {
  const { host } = await start({ loginStep: () => 'https://evil.example/' })
  const visitor = host.visitor()
  await host.signUp(visitor, 'Anna')
  const login = await visitor.open('/members/login/')
  const done = await visitor.send(login, { username: 'Anna', password: 'correct horse 42' })
  assert.is(done.status, 500)
  await host.close()
})

test.run()
