import { createServer, type Server } from 'node:http'
import { gzipSync } from 'node:zlib'
import Router from '@koa/router'
import BetterSqlite3 from 'better-sqlite3'
import Koa, { type Middleware } from 'koa'
import bodyParser from 'koa-bodyparser'
import session from 'koa-session'
import pg from 'pg'
import { pino } from 'pino'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { isPostgresUrl } from '../src/database/locate.js'
import { type Accounts, type AccountsOptions, accounts, requireUser, userOf } from '../src/index.js'
import { fileOf, rows } from './support/databases.js'
import { CHEAP, migratedDatabase, PASSWORD, Visitor } from './support/helpers.js'
import { mount } from './support/koa-mount.js'

const test = suite('mounted into a host app')

interface Host {
  server: Server
  gatehouse: Accounts
  errors: Error[]
}

const logs: string[] = []

/** Starts an app with its own session, body parser, routes and 404. */
async function startHost(
  around: (app: Koa, gatehouse: Accounts) => Middleware[] = usualMiddleware,
  options: Partial<AccountsOptions> = {},
  placed: (gatehouse: Accounts) => Middleware = (gatehouse) => gatehouse,
): Promise<Host> {
  const app = new Koa()
  app.keys = ['the host’s own key']
  app.silent = true
  const errors: Error[] = []
  app.on('error', (error: Error) => errors.push(error))
  const database = await migratedDatabase()
  const gatehouse = await accounts({
    database,
    ...(isPostgresUrl(database) && { keys: ['A'.repeat(43)] }),
    prefix: '/members',
    places: { home: '/start' },
    passwordCosts: CHEAP,
    log: pino({}, { write: (line: string) => void logs.push(line) }),
    ...options,
  })
  for (const middleware of [...around(app, gatehouse), placed(gatehouse)]) app.use(middleware)
  const router = new Router()
  router.get('/start', (ctx) => {
    ctx.body = `host page of ${userOf(ctx)?.name ?? 'nobody'}, seen ${ctx.session?.seen ?? 0}`
  })
  router.get('/users/list', (ctx) => {
    ctx.body = 'the host’s list'
  })
  router.get('/long', (ctx) => {
    ctx.type = 'html'
    ctx.body = '<p>'.padEnd(5_000, 'x')
  })
  router.get('/count', (ctx) => {
    if (ctx.session) ctx.session.seen = Number(ctx.session.seen ?? 0) + 1
    ctx.body = 'counted'
  })
  router.get('/end', (ctx) => {
    ctx.session = null
    ctx.body = 'ended'
  })
  router.get('/private', requireUser, (ctx) => {
    ctx.body = 'private'
  })
  router.post('/private', requireUser, (ctx) => {
    ctx.body = 'done'
  })
  app.use(async (ctx, next) => {
    await next()
    if (ctx.status === 404) {
      ctx.status = 404
      ctx.body = 'the host’s own 404'
    }
  })
  app.use(router.routes())
  app.use(router.allowedMethods())
  const server = createServer(app.callback())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  server.unref()
  return { server, gatehouse, errors }
}

function usualMiddleware(app: Koa): Middleware[] {
  return [session(app), bodyParser()]
}

async function stop({ server, gatehouse }: Host): Promise<void> {
  server.closeAllConnections()
  server.close()
  await gatehouse.close()
}

for (const htmx of [false, true]) {
  test(`sign-up, login, guard and logout work under a prefix for ${htmx ? 'htmx' : 'a plain browser'}`, async () => {
    const host = await startHost()
    const visitor = new Visitor(host.server, { htmx })
    const { agent } = visitor
    await agent.get('/count')
    assert.is((await visitor.open('/start')).text, 'host page of nobody, seen 1')
    assert.is((await visitor.open('/private')).headers.location, '/members/login/?next=%2Fprivate')

    const form = await visitor.open('/members/signup/')
    assert.is(form.$('main form').attr('action'), '/members/signup/verify/')
    const typed = {
      username: 'Vera',
      email: 'vera@example.com',
      password: 'long enough',
      repassword: 'long enough',
    }
    const signedUp = await visitor.send(form, typed)
    assert.is(htmx ? signedUp.onward : signedUp.headers.location, '/start')

    const login = await visitor.open('/members/login/?next=/private')
    const loggedIn = await visitor.send(login, { username: 'Vera', password: 'long enough' })
    assert.is(htmx ? loggedIn.onward : loggedIn.headers.location, '/private')
    assert.is((await visitor.open('/private')).text, 'private')
    assert.is((await visitor.open('/start')).text, 'host page of Vera, seen 1')

    await visitor.send(await visitor.open('/members/logout/'))
    assert.is(
      (await visitor.open('/start')).text,
      'host page of nobody, seen 1',
      'the app’s part of the session stays',
    )
    await stop(host)
  })
}

test('the app keeps its routes, 404, methods and headers', async () => {
  const host = await startHost()
  const visitor = new Visitor(host.server)
  for (const path of ['/', '/nowhere', '/login/', '/signup/', '/members', '/membership/login/']) {
    const page = await visitor.open(path)
    assert.is(page.status, 404, path)
    assert.is(page.text, 'the host’s own 404')
    assert.is(page.headers['content-security-policy'], undefined)
  }
  assert.is((await visitor.post('/start', '')).status, 405)
  assert.ok((await visitor.open('/members/login/')).headers['content-security-policy'])
  await stop(host)
})

test('a form submitted after the session ended gets a link to the login that leads back', async () => {
  const host = await startHost()
  for (const htmx of [false, true]) {
    const visitor = new Visitor(host.server, { htmx })
    const page = await visitor.post('/private', 'a=b', { Referer: 'http://127.0.0.1/private?secret=1' })
    assert.is(page.status, 403)
    assert.equal(page.messages(), [
      '⚠ You are logged out. Log in, then send this again if it is still needed. Log in',
    ])
    assert.is(page.$('.error a').attr('href'), '/members/login/?next=%2Fprivate')
    assert.is(page.isWhole, !htmx)
    assert.is(page.headers['cache-control'], 'private, no-cache, no-store')
  }
  await stop(host)
})

test('without prefix and headers, other routes stay the app’s', async () => {
  const host = await startHost(usualMiddleware, { prefix: '', headers: false })
  const visitor = new Visitor(host.server)
  assert.is((await visitor.open('/users/list')).text, 'the host’s list')
  for (const path of ['/assets/logo.js', '/users/', '/login/x', '/signup/verify/x']) {
    const page = await visitor.open(path)
    assert.is(page.text, 'the host’s own 404', path)
    assert.is(page.headers['cache-control'], undefined)
  }
  const login = await visitor.open('/login/')
  assert.is(login.status, 200)
  assert.is(login.headers['content-security-policy'], undefined)
  assert.is(login.headers['cache-control'], 'private, no-cache, no-store')
  assert.match(login.headers.vary ?? '', /^HX-Request\b/)
  await stop(host)
})

// Like koa-compress: compresses long bodies that are not compressed yet.
const hostCompression: Middleware = async (ctx, next) => {
  await next()
  const { body } = ctx
  if (typeof body !== 'string' || body.length < 1024 || ctx.res.hasHeader('Content-Encoding')) return
  ctx.vary('Accept-Encoding')
  ctx.set('Content-Encoding', 'gzip')
  ctx.body = gzipSync(body)
}

const rewriting: Middleware = async (ctx, next) => {
  await next()
  if (typeof ctx.body === 'string') ctx.body = ctx.body.replace('</body>', '<!-- the host’s --></body>')
}

for (const [what, around, ours, its] of [
  ['no compression', () => [], undefined, undefined],
  ['gatehouse.compression', (gatehouse) => [gatehouse.compression], 'br', undefined],
  ['the app’s compression', () => [hostCompression], 'gzip', 'gzip'],
  [
    'the app’s around gatehouse.compression',
    (gatehouse) => [hostCompression, gatehouse.compression],
    'br',
    'gzip',
  ],
  [
    'the app’s inside gatehouse.compression',
    (gatehouse) => [gatehouse.compression, hostCompression],
    'gzip',
    'gzip',
  ],
  ['an app that rewrites our pages', (gatehouse) => [gatehouse.compression, rewriting], undefined, undefined],
] satisfies [string, (gatehouse: Accounts) => Middleware[], string | undefined, string | undefined][]) {
  test(`${what}: no page is compressed twice, and all are complete`, async () => {
    const host = await startHost((app, gatehouse) => [...around(gatehouse), ...usualMiddleware(app)])
    const visitor = new Visitor(host.server)
    const page = await visitor.open('/members/signup/', { 'Accept-Encoding': 'gzip, br' })
    assert.is(page.headers['content-encoding'], ours)
    assert.is(page.$('main form').length, 1)
    assert.match(page.text, /<\/body>\s*<\/html>\s*$/)
    const own = await new Visitor(host.server).open('/long', { 'Accept-Encoding': 'gzip, br' })
    assert.is(own.headers['content-encoding'], its)
    assert.is(own.headers.vary, its && 'Accept-Encoding')
    assert.is(own.text.length, 5_000)
    await stop(host)
  })
}

test('undefined options count as not set', async () => {
  const options: object = { siteName: undefined, lifetimes: undefined, templates: undefined }
  const host = await startHost(usualMiddleware, options)
  assert.is((await new Visitor(host.server).open('/members/login/')).status, 200)
  await stop(host)
})

test('without option mail the email features are off, and the log warns', async () => {
  logs.length = 0
  const host = await startHost(usualMiddleware, { features: { 'account/email': false } })
  const visitor = new Visitor(host.server)
  assert.is((await visitor.open('/members/dev/mailbox/')).status, 404)
  await stop(host)
  const [warning, ...others] = logs.map((line) => JSON.parse(line)).filter(({ level }) => level === 40)
  assert.equal(others, [])
  assert.match(warning.msg, /^no mail server \(option mail\): /)
  assert.equal(warning.features, ['admin/mails', 'email/confirm', 'password/forgot', 'password/reset'])
})

test('catching emails without a mailbox is logged as a warning', async () => {
  for (const [development, warnings] of [
    [false, 1],
    [true, 0],
  ] as const) {
    logs.length = 0
    const host = await startHost(usualMiddleware, { mail: 'caught', development })
    const mailbox = await new Visitor(host.server).open('/members/dev/mailbox/')
    assert.is(mailbox.status, development ? 200 : 404)
    await stop(host)
    assert.is(logs.filter((line) => line.includes('emails are caught, not sent')).length, warnings)
  }
})

test('an explicit option mail causes no warning', async () => {
  const said: Partial<AccountsOptions>[] = [{ mail: 'off' }, { mail: 'caught' }, { development: true }]
  for (const options of said) {
    logs.length = 0
    await stop(await startHost(usualMiddleware, options))
    assert.not.match(logs.join(), 'no mail server')
  }
})

test('with the app’s database handle, users are stored in the app’s database', async () => {
  const url = await migratedDatabase()
  const handle = handleOf(url)
  const host = await startHost(usualMiddleware, { database: handle.database })
  const visitor = new Visitor(host.server)
  const typed = { username: 'Vera', email: 'vera@example.com', password: PASSWORD, repassword: PASSWORD }
  await visitor.send(await visitor.open('/members/signup/'), typed)
  await visitor.send(await visitor.open('/members/login/'), { username: 'Vera', password: PASSWORD })
  assert.is((await visitor.open('/start')).text, 'host page of Vera, seen 0')
  await stop(host)
  assert.equal(await rows(url, `select name from ${handle.users}`), [{ name: 'Vera' }])
  await handle.close()
})

interface Handle {
  database: AccountsOptions['database']
  users: string
  close(): unknown
}

function handleOf(url: string): Handle {
  if (isPostgresUrl(url)) {
    const postgres = new pg.Pool({ connectionString: url })
    const database = { postgres, schema: 'accounts' }
    return { database, users: 'accounts.users', close: () => postgres.end() }
  }
  const sqlite = new BetterSqlite3(fileOf(url))
  return { database: { sqlite }, users: 'users', close: () => sqlite.close() }
}

test('assets are under the prefix, too', async () => {
  const host = await startHost()
  const visitor = new Visitor(host.server)
  const script = (await visitor.open('/members/login/')).$('script').attr('src') ?? ''
  assert.match(script, /^\/members\/assets\//)
  assert.is((await visitor.open(script)).status, 200)
  await stop(host)
})

test('/.well-known/change-password is at the root, whatever the prefix', async () => {
  const host = await startHost()
  const visitor = new Visitor(host.server)
  const page = await visitor.open('/.well-known/change-password')
  assert.is(page.status, 303)
  assert.is(page.headers.location, '/members/account/password/')
  assert.is((await visitor.open('/.well-known/other')).text, 'the host’s own 404')
  assert.is((await visitor.open('/members/.well-known/change-password')).text, 'the host’s own 404')
  await stop(host)
})

test('without a session or a body parser the first request throws', async () => {
  const noSession = await startHost(() => [bodyParser()])
  assert.is((await new Visitor(noSession.server).open('/start')).status, 500)
  assert.match(noSession.errors[0]?.message ?? '', 'ctx.session is missing. Add a session before accounts()')
  await stop(noSession)

  const noBody = await startHost((app) => [session(app)])
  const visitor = new Visitor(noBody.server)
  const page = await visitor.send(await visitor.open('/members/login/'))
  assert.is(page.status, 500)
  assert.match(logs.join(''), 'The request body is not parsed. Add a body parser before accounts()')
  await stop(noBody)
})

test('the app may end the whole session at any time', async () => {
  const host = await startHost()
  const visitor = new Visitor(host.server)
  await visitor.post('/private', 'note=typed')
  assert.is((await visitor.open('/end')).text, 'ended')
  assert.equal(host.errors, [])
  await stop(host)
})

for (const prefix of ['', '/people', '/shopping']) {
  test(`koa-mount at /shop with prefix '${prefix}' throws at the first request`, async () => {
    const host = await startHost(usualMiddleware, { prefix }, (gatehouse) => mount('/shop', gatehouse))
    const visitor = new Visitor(host.server)
    for (const path of ['/shop/login/', '/shop']) assert.is((await visitor.open(path)).status, 500, path)
    assert.match(host.errors[0]?.message ?? '', "Set the option prefix to '/shop'")
    await stop(host)
  })
}

for (const [place, prefix] of [
  ['/shop', '/shop'],
  ['/shop/', '/shop'],
  ['/shop', '/shop/members'],
] as const) {
  test(`koa-mount at ${place} with prefix ${prefix}: all links work`, async () => {
    const host = await startHost(usualMiddleware, { prefix }, (gatehouse) => mount(place, gatehouse))
    for (const htmx of [false, true]) {
      const visitor = new Visitor(host.server, { htmx })
      const form = await visitor.open(`${prefix}/signup/`)
      assert.is(form.$('main form').attr('action'), `${prefix}/signup/verify/`)
      for (const path of [form.$('script').attr('src'), form.$('link').attr('href')])
        assert.is((await visitor.open(path ?? '')).status, 200, path)
      const typed = { username: `Vera ${htmx}`, email: `vera-${htmx}@example.com` }
      const signedUp = await visitor.send(form, { ...typed, password: PASSWORD, repassword: PASSWORD })
      assert.is(htmx ? signedUp.onward : signedUp.headers.location, '/start')
      const guarded = await visitor.open(`${prefix}/account/`, htmx ? { 'HX-Request': 'true' } : {})
      const login = `${prefix}/login/?next=${encodeURIComponent(`${prefix}/account/`)}`
      assert.is(guarded.headers[htmx ? 'hx-redirect' : 'location'], login)
      const loggedIn = await visitor.send(await visitor.open(login), { ...typed, password: PASSWORD })
      assert.is(htmx ? loggedIn.onward : loggedIn.headers.location, `${prefix}/account/`)
      assert.match((await visitor.open(`${prefix}/account/`)).text, `Vera ${htmx}`)
      assert.is((await visitor.open('/account/')).text, 'the host’s own 404')
    }
    await stop(host)
  })
}

test('a guard before accounts() throws', async () => {
  const host = await startHost(() => [
    (ctx, next) => (ctx.path === '/early' ? requireUser(ctx, next) : next()),
  ])
  assert.is((await new Visitor(host.server).open('/early')).status, 500)
  assert.match(host.errors[0]?.message ?? '', 'guards must come after accounts()')
  await stop(host)
})

test.run()
