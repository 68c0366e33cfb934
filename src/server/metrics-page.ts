import { createHash, timingSafeEqual } from 'node:crypto'
import { createServer } from 'node:http'
import Koa, { type Context, type Middleware } from 'koa'
import { DYNAMIC } from '../web/headers.js'
import { refusesMethod } from '../web/http.js'
import { capConnections } from './connections.js'

// 401 and not 404, to tell a wrong token from a site without metrics.
export function metricsPage(
  text: () => Promise<string>,
  { contentType, token }: { contentType: string; token: string | undefined },
): Middleware {
  return async (ctx, next) => {
    if (ctx.path !== '/metrics') return next()
    if (refusesMethod(ctx)) return
    ctx.set(DYNAMIC)
    if (token !== undefined && !isBearer(ctx, token)) return refuse(ctx)
    const found = await text().catch(() => undefined)
    ctx.status = found === undefined ? 503 : 200
    ctx.body = found ?? 'not available\n'
    if (found !== undefined) ctx.set('Content-Type', contentType)
  }
}

function refuse(ctx: Context): void {
  ctx.status = 401
  ctx.set('WWW-Authenticate', 'Bearer')
  ctx.body = 'A bearer token is required.\n'
}

// timingSafeEqual needs equal lengths.
function isBearer(ctx: Context, token: string): boolean {
  const [, given = ''] = /^Bearer +(\S+)$/i.exec(ctx.get('Authorization')) ?? []
  return timingSafeEqual(sha256(given), sha256(token))
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

// Connections that send nothing must not use up the file descriptors of the site.
const MAX_CONNECTIONS = 100

export async function listenForMetrics(
  page: Middleware,
  { port, host }: { port: number; host: string },
): Promise<() => void> {
  const app = new Koa()
  app.use(page)
  const server = createServer(app.callback())
  capConnections(server, { most: MAX_CONNECTIONS, longest: server.headersTimeout })
  await new Promise<void>((resolve, reject) => {
    server.once('error', ({ message }) =>
      reject(new Error(`Cannot listen on METRICS_HOST ${host}, METRICS_PORT ${port}: ${message}.`)),
    )
    server.listen(port, host, resolve)
  })
  // A site that cannot start must end, although its metrics are served.
  server.unref()
  return () => {
    server.close()
    server.closeAllConnections()
  }
}
