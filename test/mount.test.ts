import { createServer, type Server } from 'node:http'
import Router from '@koa/router'
import Koa, { type Middleware } from 'koa'
import bodyParser from 'koa-bodyparser'
import session from 'koa-session'
import { pino } from 'pino'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Accounts, type AccountsOptions, accounts, requireUser, userOf } from '../src/index.js'
import { isPostgresUrl } from '../src/tables/postgres.js'
import { CHEAP, freshDatabase, Visitor } from './helpers.js'

const test = suite('mounted into somebody else’s app')

interface Host {
  server: Server
  house: Accounts
  errors: Error[]
}

const logs: string[] = []

/** A site with a session, a body parser, routes and a 404 of its own. */
async function startHost(
  around: (app: Koa) => Middleware[] = usual,
  options: Partial<AccountsOptions> = {},
): Promise<Host> {
  const app = new Koa()
  app.keys = ['the host’s own key']
  app.silent = true
  const errors: Error[] = []
  app.on('error', (error: Error) => errors.push(error))
  const database = await freshDatabase()
  const house = await accounts({
    database,
    ...(isPostgresUrl(database) && { keys: ['A'.repeat(43)] }),
    prefix: '/members',
    places: { home: '/start' },
    passwordCosts: CHEAP,
    log: pino({}, { write: (line: string) => void logs.push(line) }),
    ...options,
  })
  for (const middleware of [...around(app), house]) app.use(middleware)
  const router = new Router()
  router.get('/start', (ctx) => {
    ctx.body = `host page of ${userOf(ctx)?.name ?? 'nobody'}, seen ${ctx.session?.seen ?? 0}`
  })
  router.get('/users/list', (ctx) => {
    ctx.body = 'the host’s list'
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
  return { server, house, errors }
}

function usual(app: Koa): Middleware[] {
  return [session(app), bodyParser()]
}

async function stop({ server, house }: Host): Promise<void> {
  server.closeAllConnections()
  server.close()
  await house.close()
}

for (const htmx of [false, true]) {
  test(`sign-up, login, guard and logout work under a prefix, for ${htmx ? 'htmx' : 'a plain browser'}`, async () => {
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
    assert.is(htmx ? signedUp.$('[data-hx-get]').attr('data-hx-get') : signedUp.headers.location, '/start')

    const login = await visitor.open('/members/login/?next=/private')
    const loggedIn = await visitor.send(login, { username: 'Vera', password: 'long enough' })
    assert.is(htmx ? loggedIn.$('[data-hx-get]').attr('data-hx-get') : loggedIn.headers.location, '/private')
    assert.is((await visitor.open('/private')).text, 'private')
    assert.is((await visitor.open('/start')).text, 'host page of Vera, seen 1')

    await visitor.send(await visitor.open('/members/logout/'))
    assert.is(
      (await visitor.open('/start')).text,
      'host page of nobody, seen 1',
      'the host’s part of the session stays',
    )
    await stop(host)
  })
}

test('the host’s routes, its 404, its methods and its headers stay its own', async () => {
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

test('a form that is sent after the session ended gets the box, and a link to the login that leads back', async () => {
  const host = await startHost()
  for (const htmx of [false, true]) {
    const visitor = new Visitor(host.server, { htmx })
    const page = await visitor.post('/private', 'a=b', { Referer: 'http://127.0.0.1/private?secret=1' })
    assert.is(page.status, 403)
    assert.equal(page.messages(), ['⚠ You are logged out, so nothing was done. Log in'])
    assert.is(page.$('.error a').attr('href'), '/members/login/?next=%2Fprivate')
    assert.is(page.isWhole, !htmx)
    assert.is(page.headers['cache-control'], 'private, no-cache, no-store')
  }
  await stop(host)
})

test('without a prefix, and without our headers, what is not ours stays the host’s', async () => {
  const host = await startHost(usual, { prefix: '', headers: false })
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
  assert.is(login.headers.vary, 'HX-Request')
  await stop(host)
})

test('an option that is wrong stops the start with a sentence', async () => {
  for (const options of [{ prefix: 'members' }, { prefix: '/members/' }, { baseUrl: 'example.com' }]) {
    try {
      await accounts({ database: await freshDatabase(), ...options })
      assert.unreachable()
    } catch (error) {
      assert.match(String(error), /The (prefix|baseUrl) has to be like/)
    }
  }
})

const SMTP = { url: 'smtp://anna:very-secret@mail.example.com', from: 'no-reply@example.com' }
const BASE_URL = 'https://example.com'

for (const [what, options, sentence] of [
  ['mails without an address for their links', { mail: SMTP }, /^The baseUrl has to be given/],
  [
    'a mail server that is none',
    { mail: { ...SMTP, url: 'smtp://anna:very-secret/@mail.example.com' }, baseUrl: BASE_URL },
    /^The mail\.url has to be like/,
  ],
  [
    'a sender who is none',
    { mail: { ...SMTP, from: 'nobody' }, baseUrl: BASE_URL },
    /^The mail\.from has to be/,
  ],
  [
    'a sender with a header in it',
    { mail: { ...SMTP, from: 'a@example.com\nBcc: b@example.com' }, baseUrl: BASE_URL },
    /^The mail\.from has to be/,
  ],
  ['confirmation without mails', { emailConfirmation: 'required' }, /emailConfirmation cannot be required/],
  [
    'private addresses without confirmation',
    { mail: 'caught', privateEmails: true },
    /the emailConfirmation has to be required/,
  ],
] satisfies [string, Partial<AccountsOptions>, RegExp][]) {
  test(`${what} stops the start with a sentence, without a password`, async () => {
    try {
      await accounts({ database: await freshDatabase(), ...options })
      assert.unreachable()
    } catch (error) {
      const said = error instanceof Error ? error.message : ''
      assert.match(said, sentence)
      assert.not.match(said, 'secret')
    }
  })
}

test('a host that says nothing of mails offers nothing that needs them', async () => {
  const host = await startHost()
  const visitor = new Visitor(host.server)
  assert.is((await visitor.open('/members/dev/mailbox/')).status, 404)
  await stop(host)
})

test('a database on a server needs keys to be given, and no file is made for them', async () => {
  try {
    await accounts({ database: 'postgres://user:secret@127.0.0.1:1/none' })
    assert.unreachable()
  } catch (error) {
    assert.match(String(error), 'The keys have to be given')
    assert.not.match(String(error), 'secret')
  }
})

test('our assets lie under the prefix too', async () => {
  const host = await startHost()
  const visitor = new Visitor(host.server)
  const script = (await visitor.open('/members/login/')).$('script').attr('src') ?? ''
  assert.match(script, /^\/members\/assets\//)
  assert.is((await visitor.open(script)).status, 200)
  await stop(host)
})

test('password managers find the page for a new password at the root, whatever the prefix is', async () => {
  const host = await startHost()
  const visitor = new Visitor(host.server)
  const page = await visitor.open('/.well-known/change-password')
  assert.is(page.status, 303)
  assert.is(page.headers.location, '/members/account/password/')
  assert.is((await visitor.open('/.well-known/other')).text, 'the host’s own 404')
  assert.is((await visitor.open('/members/.well-known/change-password')).text, 'the host’s own 404')
  await stop(host)
})

test('without a session, or without a body parser, the first request says so in a sentence', async () => {
  const noSession = await startHost(() => [bodyParser()])
  assert.is((await new Visitor(noSession.server).open('/start')).status, 500)
  assert.match(noSession.errors[0]?.message ?? '', 'Gatehouse found no ctx.session: put a session before it')
  await stop(noSession)

  const noBody = await startHost((app) => [session(app)])
  const visitor = new Visitor(noBody.server)
  const page = await visitor.send(await visitor.open('/members/login/'))
  assert.is(page.status, 500)
  assert.match(logs.join(''), 'Gatehouse found no parsed body: put a body parser before it')
  await stop(noBody)
})

test('a host may end the whole session, also while something is kept in it for the way by a login', async () => {
  const host = await startHost()
  const visitor = new Visitor(host.server)
  await visitor.post('/private', 'note=typed')
  assert.is((await visitor.open('/end')).text, 'ended')
  assert.equal(host.errors, [])
  await stop(host)
})

test('a guard that does not stand behind the accounts says so', async () => {
  const host = await startHost(() => [
    (ctx, next) => (ctx.path === '/early' ? requireUser(ctx, next) : next()),
  ])
  assert.is((await new Visitor(host.server).open('/early')).status, 500)
  assert.match(host.errors[0]?.message ?? '', 'has to stand behind accounts()')
  await stop(host)
})

test.run()
