import type Router from '@koa/router'
import type { Context, Middleware } from 'koa'
import { refuseRequest } from './errors.js'
import { DYNAMIC } from './headers.js'
import { ownPath } from './local-path.js'

const ONLY_POST = { code: 'only_post', sentence: 'Only POST is allowed here. Please use the form.' }
const ONLY_GET = { code: 'method_wrong', sentence: 'This address cannot be used in this way.' }

/**
 * Stands behind a router, for what it did not answer: other methods on its paths, and paths that lack the slash at the
 * end, which lead on to where they are known.
 */
export function unmatched(router: Router): Middleware {
  return (ctx, next) => {
    const allowed = methodsAt(router, ctx.path)
    if (allowed.length > 0) refuseMethod(ctx, allowed)
    const canonical = isRead(ctx) ? ownPath(`${ctx.path}/`) : undefined
    if (canonical === undefined || !methodsAt(router, canonical).includes('GET')) return next()
    ctx.set(DYNAMIC)
    ctx.status = 308
    ctx.set('Location', canonical + ctx.search)
    ctx.body = ''
    return undefined
  }
}

/** Whether the router has something at this path, or at the one with a slash at its end. */
export function knows(router: Router, path: string): boolean {
  return methodsAt(router, path).length > 0 || methodsAt(router, `${path}/`).length > 0
}

function methodsAt(router: Router, path: string): string[] {
  return [...new Set(router.match(path, '').path.flatMap(({ methods }) => methods))]
}

function refuseMethod(ctx: Context, allowed: string[]): never {
  ctx.set('Allow', allowed.join(', '))
  if (ctx.path.endsWith('/verify/')) return refuseRequest(ctx, 403, ONLY_POST)
  return refuseRequest(ctx, 405, ONLY_GET)
}

export function isRead(ctx: Context): boolean {
  return ctx.method === 'GET' || ctx.method === 'HEAD'
}
