import type { Context, Middleware } from 'koa'
import { refusesMethod } from './http.js'

/** Checks for load balancers: `/healthz` (the process runs) and `/readyz` (it can serve). */
export interface Health {
  checks: Middleware
  /** From now on `/readyz` returns 503, because the process is about to end. */
  leave(): void
}

/** Returns the checks. Put them before anything that can fail. `/readyz` is 503 unless `isReady` is true. */
export function healthChecks(isReady: () => Promise<boolean>): Health {
  let leaving = false
  return {
    async checks(ctx, next) {
      if (ctx.path !== '/healthz' && ctx.path !== '/readyz') return next()
      if (refusesMethod(ctx)) return
      if (ctx.path === '/healthz') return reply(ctx, 200, 'alive')
      const ready = !leaving && (await isReady().catch(() => false))
      reply(ctx, ready ? 200 : 503, ready ? 'ready' : 'not ready')
    },
    leave() {
      leaving = true
    },
  }
}

function reply(ctx: Context, status: number, word: string): void {
  ctx.status = status
  ctx.body = `${word}\n`
}
