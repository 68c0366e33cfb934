// An app with htmx 2 on its own pages. set-ups.test.ts runs it beside the packed package.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import Router from '@koa/router'
import Koa from 'koa'
import bodyParser from 'koa-bodyparser'
import { accounts, requireUser, takeNotice, userOf } from 'koa-gatehouse'
import session from 'koa-session'

const htmx = readFileSync(createRequire(import.meta.url).resolve('htmx.org/dist/htmx.min.js'))
// Otherwise htmx 2 ignores what comes with status 403.
const config = JSON.stringify({
  responseHandling: [
    { code: '204', swap: false },
    { code: '.*', swap: true },
  ],
})

const router = new Router()
router.get('/htmx.js', (ctx) => {
  ctx.type = 'js'
  ctx.body = htmx
})
router.get('/', (ctx) => {
  ctx.type = 'html'
  ctx.body = `<!doctype html>
    <html lang="en">
    <head><title>The shop</title><meta name="htmx-config" content='${config}'><script src="/htmx.js" defer></script></head>
    <body hx-boost="true">
      <h1>Hello ${userOf(ctx)?.name ?? 'stranger'}</h1>
      <p id="notice">${takeNotice(ctx)?.text ?? ''}</p>
      <a href="/accounts/login/">Log in</a> <a href="/orders/">Orders</a> <a href="/accounts/logout/">Log out</a>
      <button hx-get="/basket/" hx-target="#basket">Show</button>
      <form action="/basket/" method="post" hx-target="#basket"><input name="thing" value="an apple"><button>Add</button></form>
      <div id="basket"></div>
    </body>
    </html>`
})
router.get('/orders/', requireUser, (ctx) => {
  ctx.body = `<!doctype html><title>The shop</title><h1>Orders of ${userOf(ctx).name}</h1>`
})
router.get('/basket/', requireUser, (ctx) => {
  ctx.body = `<p>Basket of ${userOf(ctx).name}</p>`
})
router.post('/basket/', requireUser, (ctx) => {
  ctx.body = `<p>${userOf(ctx).name} has ${ctx.request.body.thing}</p>`
})

const app = new Koa()
app.keys = ['the shop’s own key']
app.use(session(app)).use(bodyParser())
app.use(await accounts({ database: 'sqlite:accounts.sqlite', prefix: '/accounts', places: { home: '/' } }))
app.use(router.routes())
const server = app.listen(0, '127.0.0.1', () => console.log(`listens on ${server.address().port}`))
