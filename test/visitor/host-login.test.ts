import type { Context } from 'koa'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type AccountsOptions, logIn, logOut, requireRecentLogin, userOf } from '../../src/index.js'
import { rows, write } from '../support/databases.js'
import { PASSWORD, type Visitor } from '../support/helpers.js'
import { Host } from '../support/host.js'
import { codeAt, keyOn } from '../support/second-step.js'

const test = suite('a login in code')

/** Starts an app with its own authentication, here by the URL. */
async function start(options: Partial<AccountsOptions> = {}): Promise<Host> {
  return Host.start({
    places: { home: '/home' },
    ...options,
    routes(router, { accounts }) {
      router.get('/enter/:name', async (ctx) => {
        const user = (await accounts.byName(ctx.params.name ?? '')) ?? { id: 'nobody' }
        const login = await logIn(ctx, user, nextOf(ctx))
        if (login === undefined) ctx.body = 'refused'
        else ctx.redirect(login.path)
      })
      router.get('/leave', async (ctx) => {
        await logOut(ctx, { forget: ctx.query.forget !== undefined })
        ctx.redirect('/home')
      })
      router.get('/home', (ctx) => {
        ctx.body = userOf(ctx)?.name ?? 'nobody'
      })
      router.get('/recent', requireRecentLogin, (ctx) => {
        ctx.body = 'recent'
      })
    },
  })
}

function nextOf(ctx: Context): { next?: string } {
  return typeof ctx.query.next === 'string' ? { next: ctx.query.next } : {}
}

async function created(host: Host, name: string, { confirmed = true } = {}): Promise<string> {
  const { accounts } = host.gatehouse
  const made = await accounts.create({ name, email: `${name}@example.com`, password: PASSWORD, confirmed })
  assert.ok(made.ok)
  return made.user.id
}

async function shown(visitor: Visitor): Promise<string> {
  return (await visitor.open('/home')).text
}

test('creates a recent session and an event', async () => {
  const host = await start()
  const id = await created(host, 'Anna')
  const visitor = host.visitor()
  const entered = await visitor.open('/enter/Anna')
  assert.is(entered.headers.location, '/home')
  assert.is(await shown(visitor), 'Anna')
  assert.is((await visitor.open('/recent')).text, 'recent')
  const sessions = await rows(host.database, 'select user_id, kept, methods from sessions')
  assert.equal(sessions, [{ user_id: id, kept: 0, methods: 'host' }])
  const events = await rows(host.database, "select actor from events where kind = 'logged_in'")
  assert.equal(events, [{ actor: 'self' }])
  await host.close()
})

test('leads only to pages of the site', async () => {
  const host = await start()
  await created(host, 'Anna')
  const where = async (next: string) =>
    (await host.visitor().open(`/enter/Anna?next=${encodeURIComponent(next)}`)).headers.location
  assert.is(await where('/private'), '/private')
  assert.is(await where('https://evil.example/'), '/home')
  assert.is(await where('//evil.example/'), '/home')
  await host.close()
})

test('replaces the session of another user in this browser', async () => {
  const host = await start()
  await created(host, 'Anna')
  await created(host, 'Bela')
  const visitor = host.visitor()
  await visitor.open('/enter/Anna')
  await visitor.open('/enter/Bela')
  assert.is(await shown(visitor), 'Bela')
  assert.equal((await rows(host.database, 'select 1 from sessions')).length, 1)
  await host.close()
})

test('refuses a disabled account and an unknown one', async () => {
  const host = await start()
  await host.gatehouse.accounts.disable(await created(host, 'Anna'))
  const visitor = host.visitor()
  for (const name of ['Anna', 'Nobody']) {
    const page = await visitor.open(`/enter/${name}`)
    assert.is(page.text, 'refused')
    assert.equal(page.cookies, [])
  }
  assert.is(await shown(visitor), 'nobody')
  await host.close()
})

test('asks for the code of an account with two-step verification', async () => {
  const host = await start()
  await created(host, 'Anna')
  const owner = host.visitor()
  await host.logIn(owner, 'Anna')
  const page = await owner.open('/members/account/authenticator/')
  const secret = keyOn(page)
  await owner.send(page, { code: codeAt(secret, host.clock.time) })
  host.clock.advance(30_000)

  const visitor = host.visitor()
  const entered = await visitor.open('/enter/Anna?next=/private')
  assert.is(entered.headers.location, '/members/login/two-step/')
  assert.is(await shown(visitor), 'nobody')
  const step = await visitor.open('/members/login/two-step/')
  const wrong = await visitor.send(step, { code: '000000' })
  assert.is(wrong.status, 406)
  assert.is(await shown(visitor), 'nobody')
  const right = await visitor.send(step, { code: codeAt(secret, host.clock.time) })
  assert.is(right.headers.location, '/private')
  assert.is(await shown(visitor), 'Anna')
  await host.close()
})

test('does not turn two-step verification off by email without the password', async () => {
  const host = await start({ mail: { send: async () => {} }, baseUrl: 'http://localhost' })
  await created(host, 'Anna')
  await write(host.database, 'update users set second_step_at = 1, created_at = 1')
  const visitor = host.visitor()
  await visitor.open('/enter/Anna')
  assert.is((await visitor.open('/members/login/two-step/')).status, 200)
  const lost = await visitor.open('/members/login/two-step/lost/')
  assert.is(lost.headers.location, '/members/login/')
  await host.logIn(visitor, 'Anna')
  assert.is((await visitor.open('/members/login/two-step/lost/')).status, 200)
  await host.close()
})

test('requires a confirmed email address if the site does', async () => {
  const host = await start({
    mail: { send: async () => {} },
    baseUrl: 'http://localhost',
    emailConfirmation: 'required',
  })
  await created(host, 'Anna', { confirmed: false })
  const visitor = host.visitor()
  const entered = await visitor.open('/enter/Anna')
  assert.is(entered.headers.location, '/members/email/confirm/')
  assert.is(await shown(visitor), 'nobody')
  assert.match((await visitor.open('/members/email/confirm/')).text, 'Anna@example.com')
  await host.close()
})

test('can be ended in code, and forgets the browser on request', async () => {
  const host = await start()
  await created(host, 'Anna')
  const visitor = host.visitor()
  await visitor.open('/enter/Anna')
  await visitor.open('/leave')
  assert.is(await shown(visitor), 'nobody')
  assert.equal(await rows(host.database, 'select 1 from sessions'), [])
  const devices = () => rows<{ ended_devices: string }>(host.database, 'select ended_devices from users')
  assert.is((await devices())[0]?.ended_devices, '')
  host.clock.advance(1)
  await visitor.open('/enter/Anna')
  await visitor.open('/leave?forget')
  assert.is.not((await devices())[0]?.ended_devices, '')
  assert.is((await visitor.open('/leave')).headers.location, '/home', 'nobody is logged in')
  await host.close()
})

test.run()
