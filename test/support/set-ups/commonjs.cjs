// A CommonJS app, mounted at a path, whose sessions are in a store of its own. set-ups.test.ts runs it beside the packed package.
const Koa = require('koa')
const compose = require('koa-compose')
const mount = require('koa-mount')
const bodyParser = require('koa-bodyparser')
const { createSession } = require('koa-session')
const { Router } = require('@koa/router')
const { accounts, requireUser, userOf } = require('koa-gatehouse')

const sessions = new Map()
const store = {
  get: (key) => sessions.get(key),
  set: (key, session) => void sessions.set(key, session),
  destroy: (key) => void sessions.delete(key),
}

async function main() {
  const router = new Router()
  router.get('/', (ctx) => {
    ctx.session.views = (ctx.session.views ?? 0) + 1
    ctx.body = `Hello ${userOf(ctx)?.name ?? 'stranger'}`
  })
  router.get('/orders/', requireUser, (ctx) => {
    ctx.body = { orders: userOf(ctx).name, sessions: [...sessions.values()].map(({ views }) => views) }
  })
  const gatehouse = await accounts({
    database: 'sqlite:accounts.sqlite',
    prefix: '/shop/accounts',
    places: { home: '/shop/' },
  })
  const app = new Koa()
  app.keys = ['the shop’s own key']
  app.use(createSession({ key: 'shop', store }, app)).use(bodyParser())
  app.use(mount('/shop', compose([gatehouse, router.routes()])))
  const server = app.listen(0, '127.0.0.1', () => console.log(`listens on ${server.address().port}`))
}

main()
