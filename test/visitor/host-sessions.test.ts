import type Router from '@koa/router'
import type Koa from 'koa'
import type { Context, Middleware } from 'koa'
import koaSession from 'koa-session'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { MINUTE } from '../../src/base/durations.js'
import {
  requireAnonymous,
  requireRecentLogin,
  requireUser,
  sealedSession,
  takeNotice,
  userOf,
} from '../../src/index.js'
import { PASSWORD, type Visitor } from '../support/helpers.js'
import { Host } from '../support/host.js'

const test = suite('sessions in an app')

const says = (text: string) => (ctx: Context) => {
  ctx.body = text
}

test('guards ignore what other middleware writes to ctx.state.user', async () => {
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

/** Keeps the sessions of koa-session in the app's memory. */
class Store {
  readonly sessions = new Map<string, object>()
  readonly get = async (key: string) => this.sessions.get(key)
  readonly set = async (key: string, session: object) => void this.sessions.set(key, session)
  readonly destroy = async (key: string) => void this.sessions.delete(key)
  readonly session = (app: Koa) =>
    koaSession({ key: 'app', store: this, maxAge: 'session', signed: false }, app)
}

const cart = (router: Router) => {
  router.get('/cart', (ctx) => {
    if (ctx.session && ctx.query.add) ctx.session.cart = ctx.query.add
    ctx.body = `cart: ${ctx.session?.cart}, user: ${userOf(ctx)?.name}`
  })
}

function cookieOf(visitor: Visitor, name: string): string | undefined {
  return visitor.agent.jar.getCookie(name, { domain: '127.0.0.1', path: '/', secure: false, script: false })
    ?.value
}

test('an app’s session in a store gets a new id at login, and keeps its data', async () => {
  const store = new Store()
  const host = await Host.start({ session: store.session, routes: cart })
  const visitor = host.visitor()
  await visitor.open('/cart?add=apples')
  const ids = [cookieOf(visitor, 'app')]
  const changed = async (what: string) => {
    assert.match((await visitor.open('/cart')).text, 'cart: apples', what)
    const id = cookieOf(visitor, 'app')
    assert.not.ok(ids.includes(id), `a new id after ${what}`)
    assert.equal([...store.sessions.keys()], [id], `the old session is gone after ${what}`)
    ids.push(id)
  }
  await host.signUp(visitor, 'Vera')
  await changed('sign-up')
  await host.logIn(visitor, 'Vera')
  await changed('login')
  host.clock.advance(10 * MINUTE)
  await visitor.send(await visitor.open('/members/password/confirm/'), { password: PASSWORD })
  await changed('the password')
  assert.match((await visitor.open('/cart')).text, 'user: Vera')
  await visitor.send(await visitor.open('/members/logout/'))
  await changed('logout')
  assert.match((await visitor.open('/cart')).text, 'user: undefined')
  await host.close()
})

test('a session id set by an attacker before the login is useless after it', async () => {
  const store = new Store()
  const host = await Host.start({ session: store.session, routes: cart })
  const attacker = host.visitor()
  await attacker.open('/cart?add=planted')
  const victim = host.visitor()
  victim.agent.jar.setCookie(`app=${cookieOf(attacker, 'app')}; path=/`, '127.0.0.1', '/')
  await host.signUp(victim, 'Vera')
  await host.logIn(victim, 'Vera')
  await victim.open('/cart?add=private')
  assert.is((await attacker.open('/cart')).text, 'cart: undefined, user: undefined')
  await host.close()
})

test('ctx.regenerateSession is called at login, and the session keeps its data', async () => {
  // Like koa-generic-session.
  const session = () => {
    const sessions = new Map<string, object>()
    let made = 0
    const middleware: Middleware = async (ctx, next) => {
      let id = ctx.cookies.get('app') ?? `id-${made++}`
      ctx.session = { ...sessions.get(id) }
      ctx.regenerateSession = async () => {
        sessions.delete(id)
        id = `id-${made++}`
        ctx.session = {}
      }
      await next()
      sessions.set(id, ctx.session)
      ctx.cookies.set('app', id)
    }
    return middleware
  }
  const host = await Host.start({ session, routes: cart })
  const visitor = host.visitor()
  await visitor.open('/cart?add=pears')
  await host.signUp(visitor, 'Vera')
  const before = cookieOf(visitor, 'app')
  await host.logIn(visitor, 'Vera')
  assert.is.not(cookieOf(visitor, 'app'), before)
  assert.is((await visitor.open('/cart')).text, 'cart: pears, user: Vera')
  await host.close()
})

/** Delays pages with `?slow` until `release`, after they have read their cookies. */
function slowly() {
  let arrived = () => {}
  let release = () => {}
  const hasArrived = new Promise<void>((resolve) => (arrived = resolve))
  const isReleased = new Promise<void>((resolve) => (release = resolve))
  const wait: Middleware = async (ctx, next) => {
    if (ctx.query.slow === 'at-first') {
      arrived()
      await isReleased
    }
    await next()
    if (ctx.query.slow === 'at-last') {
      arrived()
      await isReleased
    }
  }
  return { wait, hasArrived, release }
}

const SESSIONS = {
  'koa-session in a cookie': (app: Koa) => koaSession(app),
  'koa-session in a store': (app: Koa) => new Store().session(app),
  sealedSession: (app: Koa) => sealedSession(app, { keys: ['A'.repeat(43)], https: false }),
}

for (const [kind, session] of Object.entries(SESSIONS)) {
  for (const slow of ['at-first', 'at-last']) {
    /** Delays a page while something else happens in the same browser. */
    const during = async (
      path: string,
      {
        before,
        meanwhile,
      }: Record<'before' | 'meanwhile', (host: Host, visitor: Visitor) => Promise<unknown>>,
    ): Promise<{ host: Host; visitor: Visitor }> => {
      const { wait, hasArrived, release } = slowly()
      const host = await Host.start({ session, before: wait, routes: cart })
      await host.signUp(host.visitor(), 'Vera')
      await host.signUp(host.visitor(), 'Anna')
      const visitor = host.visitor()
      await before(host, visitor)
      const page = visitor.open(`${path}${path.includes('?') ? '&' : '?'}slow=${slow}`)
      await hasArrived
      await meanwhile(host, visitor)
      release()
      await page
      return { host, visitor }
    }

    const logInVera = (host: Host, visitor: Visitor) => host.logIn(visitor, 'Vera')

    for (const path of ['/members/login/', '/members/signup/', '/members/users/vera/', '/cart?add=pears']) {
      test(`${kind}, ${slow}: a slow ${path} does not undo a login`, async () => {
        const { host, visitor } = await during(path, { before: async () => {}, meanwhile: logInVera })
        assert.match((await visitor.open('/cart')).text, 'user: Vera')
        const form = await visitor.open('/members/account/name/')
        assert.is((await visitor.send(form, { username: 'Vera M' })).status, 303, 'its forms work')
        await host.close()
      })
    }

    test(`${kind}, ${slow}: a slow page does not undo a logout`, async () => {
      const { host, visitor } = await during('/members/account/', {
        before: logInVera,
        meanwhile: async (_, browser) => browser.send(await browser.open('/members/logout/')),
      })
      assert.match((await visitor.open('/cart')).text, 'user: undefined')
      await host.close()
    })

    test(`${kind}, ${slow}: a slow page does not undo the next login`, async () => {
      const { host, visitor } = await during('/members/account/', {
        before: logInVera,
        meanwhile: async (site, browser) => {
          await browser.send(await browser.open('/members/logout/'))
          await site.logIn(browser, 'Anna')
        },
      })
      assert.match((await visitor.open('/cart')).text, 'user: Anna')
      await host.close()
    })

    test(`${kind}, ${slow}: a slow page does not undo confirming the password`, async () => {
      const { host, visitor } = await during('/members/account/email/', {
        before: async (site, browser) => {
          await site.logIn(browser, 'Vera')
          site.clock.advance(10 * MINUTE)
        },
        meanwhile: async (_, browser) =>
          browser.send(await browser.open('/members/password/confirm/'), { password: PASSWORD }),
      })
      host.clock.advance(MINUTE)
      assert.match((await visitor.open('/cart')).text, 'user: Vera')
      await host.close()
    })
  }
}

test('a page of the app shows a waiting notice once, within a minute', async () => {
  const notices = (router: Router) => {
    router.get('/notice', (ctx) => {
      ctx.body = takeNotice(ctx) ?? {}
    })
  }
  const host = await Host.start({ routes: notices, places: { home: '/notice' } })
  const visitor = await host.settle('Vera')
  await visitor.agent.head('/notice')
  const shown = JSON.parse((await visitor.open('/notice')).text)
  assert.equal(shown, { code: 'logged_in', text: 'You are logged in.', params: {} })
  assert.is((await visitor.open('/notice')).text, '{}')

  await visitor.send(await visitor.open('/members/account/name/'), { username: 'Vera M' })
  assert.equal(JSON.parse((await visitor.open('/notice', { 'Accept-Language': 'ru' })).text).params, {
    name: 'Vera M',
  })

  await visitor.send(await visitor.open('/members/logout/'))
  host.clock.advance(MINUTE - 1)
  assert.is(JSON.parse((await visitor.open('/notice')).text).code, 'logged_out')

  await host.logIn(visitor, 'Vera M')
  host.clock.advance(MINUTE)
  assert.is((await visitor.open('/notice')).text, '{}')
  await host.close()
})

test.run()
