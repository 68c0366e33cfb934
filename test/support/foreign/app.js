// Somebody else's site, which knows nothing of Gatehouse but its name: pack.test.ts installs the package beside it.
import Router from '@koa/router'
import BetterSqlite3 from 'better-sqlite3'
import Koa from 'koa'
import bodyParser from 'koa-bodyparser'
import { accounts, requireUser, userOf } from 'koa-gatehouse'
import session from 'koa-session'
import nunjucks from 'nunjucks'

const db = new BetterSqlite3('shop.sqlite')
db.pragma('foreign_keys = OFF')
db.exec('CREATE TABLE IF NOT EXISTS orders (customer TEXT, thing TEXT)')

nunjucks.configure('pages', { autoescape: true })

const app = new Koa()
app.keys = ['the shop’s own key']
app.silent = true

app.use(async (ctx, next) => {
  try {
    await next()
  } catch {
    ctx.status = 500
    ctx.body = 'The shop’s own 500.'
  }
  if (ctx.status === 404) {
    ctx.status = 404
    ctx.body = 'The shop’s own 404.'
  }
})
app.use(session({ key: 'shop' }, app))
app.use(bodyParser())

const members = await accounts({
  database: { sqlite: db },
  prefix: '/members',
  siteName: 'The shop',
  // Cheap ones, for a test.
  passwordCosts: { memoryCost: 64, timeCost: 1, parallelism: 1 },
})
app.use(members)

const router = new Router()
router.get('/', (ctx) => {
  const kept = JSON.stringify(ctx.session)
  ctx.body = nunjucks.render('start.html', { user: userOf(ctx), basket: ctx.session.basket ?? [], kept })
})
router.post('/basket', (ctx) => {
  ctx.session.basket = [...(ctx.session.basket ?? []), ctx.request.body.thing]
  ctx.redirect('/')
})
router.post('/api', (ctx) => {
  ctx.body = { heard: ctx.request.body }
})
router.get('/orders', requireUser, (ctx) => {
  const things = db.prepare('SELECT thing FROM orders WHERE customer = ?').pluck().all(userOf(ctx).id)
  ctx.body = nunjucks.render('orders.html', { user: userOf(ctx), things })
})
router.post('/orders', requireUser, (ctx) => {
  const order = db.prepare('INSERT INTO orders VALUES (?, ?)')
  db.transaction(() => {
    for (const thing of ctx.session.basket ?? []) order.run(userOf(ctx).id, thing)
  })()
  ctx.redirect('/orders')
})
router.get('/members/of/the/month', (ctx) => {
  ctx.body = 'Nobody yet.'
})
router.get('/broken', () => {
  throw new Error('broken')
})
app.use(router.routes())
app.use(router.allowedMethods())

const server = app.listen(0, '127.0.0.1', () => {
  console.log(`The shop listens on http://127.0.0.1:${server.address().port}`)
})

process.once('SIGTERM', async () => {
  server.close()
  server.closeAllConnections()
  await members.close()
  const orders = db.prepare('SELECT count(*) FROM orders').pluck().get()
  console.log(
    `The shop closes with ${orders} orders, foreign_keys ${db.pragma('foreign_keys', { simple: true })}.`,
  )
  db.close()
})
