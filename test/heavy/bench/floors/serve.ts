import { createServer } from 'node:http'
import type Router from '@koa/router'
import Koa from 'koa'
import bodyParser from 'koa-bodyparser'
import session from 'koa-session'

/** Serves a floor with koa-session, its own codec, and a body parser. */
export function serve(name: string, router: Router): void {
  const app = new Koa()
  app.keys = ['the floor']
  app.use(session(app))
  app.use(bodyParser())
  app.use(router.routes())

  const server = createServer(app.callback())
  server.listen(0, '127.0.0.1', () => {
    const address = server.address()
    if (typeof address === 'object') console.log(`${name} listens on http://127.0.0.1:${address?.port}/`)
  })
  process.once('SIGINT', () => process.exit())
}
