import { createServer, type RequestListener, type Server } from 'node:http'
import Router from '@koa/router'
import Koa, { type Context } from 'koa'
import bodyParser from 'koa-bodyparser'
import session from 'koa-session'
import { pino } from 'pino'
import { accounts, requireRecentLogin, requireUser, takeNotice, typedOf, userOf } from '../../src/index.js'
import { settingsFor } from '../support/databases.js'
import { CHEAP, Clock, migratedDatabase } from '../support/helpers.js'
import { mount } from '../support/koa-mount.js'
import { TestMailServer } from '../support/mail-server.js'

/** A host app with its own session, body parser, router and pages, without htmx. */
export interface Shop {
  address: string
  /** The prefix of the paths of its pages. */
  base: string
  clock: Clock
  mailServer: TestMailServer
  close(): Promise<void>
}

/** Starts the shop, either as the whole app or `mounted` at `/shop` by koa-mount. */
export async function openShop({ mounted }: { mounted: boolean }): Promise<Shop> {
  const base = mounted ? '/shop' : ''
  const clock = new Clock()
  const mailServer = await TestMailServer.start()
  const listener: { current: RequestListener } = { current: (_, response) => response.end() }
  const server = createServer((request, response) => listener.current(request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  server.unref()
  const address = addressOf(server)
  const database = await migratedDatabase()
  const { SESSION_KEYS } = settingsFor(database)
  const members = await accounts({
    database,
    ...(SESSION_KEYS && { keys: SESSION_KEYS.split(',') }),
    baseUrl: address,
    prefix: `${base}/members`,
    places: { home: `${base}/` },
    mail: { url: mailServer.url(), from: 'shop@example.com' },
    passwordCosts: CHEAP,
    log: pino({ level: 'error' }),
    now: clock.now,
  })
  const app = new Koa()
  app.keys = ['the shop’s own key']
  app.use(session({ key: 'shop' }, app))
  app.use(bodyParser())
  const pages = pagesOfShop()
  const shop = new Koa()
  shop.use(members)
  shop.use(pages.routes())
  shop.use(pages.allowedMethods())
  app.use(mount(base || '/', shop))
  listener.current = app.callback()
  return {
    address,
    base,
    clock,
    mailServer,
    async close() {
      server.closeAllConnections()
      server.close()
      await members.close()
      await mailServer.stop()
    },
  }
}

function addressOf(server: Server): string {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('The shop does not listen.')
  return `http://127.0.0.1:${address.port}`
}

function pagesOfShop(): Router {
  const router = new Router()
  router.get('/', (ctx) => show(ctx, `Welcome, ${userOf(ctx)?.name ?? 'stranger'}`))
  router.get('/orders', requireUser, (ctx) => show(ctx, `Orders of ${userOf(ctx)?.name}`))
  router.get('/order', requireRecentLogin, (ctx) => show(ctx, 'Order', formWith(typedOf(ctx).thing ?? '')))
  router.post('/order', requireRecentLogin, (ctx) => show(ctx, `Ordered: ${textOf(ctx, 'thing')}`))
  return router
}

function show(ctx: Context, heading: string, more = ''): void {
  ctx.type = 'html'
  ctx.body = `<!doctype html><html lang="en"><title>The shop</title><h1>${heading}</h1><p id="notice">${takeNotice(ctx)?.text ?? ''}</p>${more}</html>`
}

function formWith(thing: string): string {
  return `<form action="order" method="post"><input id="thing" name="thing" value="${thing}"><button>Order</button></form>`
}

function textOf(ctx: Context, name: string): string {
  const { body } = ctx.request
  return typeof body === 'object' && body !== null ? String(Reflect.get(body, name)) : ''
}
