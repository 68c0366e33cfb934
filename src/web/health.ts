import type { Context, Middleware } from 'koa'
import { refusesMethod } from './http.js'

/** What a balancer asks: `/healthz` (the process lives) and `/readyz` (it can serve). */
export interface Health {
  checks: Middleware
  /** From now on `/readyz` says no: the process is about to end. */
  leave(): void
}

/** The two checks, for before everything that could fail; `/readyz` says 503 while `isReady` does not say yes. */
export function healthChecks(isReady: () => Promise<boolean>): Health {
  let leaving = false
  return {
    async checks(ctx, next) {
      if (ctx.path !== '/healthz' && ctx.path !== '/readyz') return next()
      if (refusesMethod(ctx)) return
      if (ctx.path === '/healthz') return say(ctx, 200, 'alive')
      const ready = !leaving && (await isReady().catch(() => false))
      say(ctx, ready ? 200 : 503, ready ? 'ready' : 'not ready')
    },
    leave() {
      leaving = true
    },
  }
}

function say(ctx: Context, status: number, word: string): void {
  ctx.status = status
  ctx.body = `${word}\n`
}
