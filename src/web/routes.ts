import Router, { type MatchResult } from '@koa/router'
import type { Context, Middleware } from 'koa'
import { DYNAMIC } from './headers.js'
import { isRead } from './http.js'
import { ownPath } from './local-path.js'
import { METHOD_WRONG, refuseRequest } from './refusal.js'

const ONLY_POST = { code: 'only_post', sentence: 'This page only accepts POST. Use the form.' }

export type Url = (name: string, part?: string) => string

// Templates of apps may contain names such as `account-name`.
export function urlsUnder(prefix: string): Url {
  const pathOf = (name: string) => (name.includes('/') ? name : name.replaceAll('-', '/'))
  return (name, part) =>
    `${prefix}/${pathOf(name)}/${part === undefined ? '' : `${encodeURIComponent(part)}/`}`
}

/** Remembers the routes of constant paths. Routers try every route for each request. */
export class RememberingRouter extends Router {
  readonly #matches = new Map<string, MatchResult>()

  override match(path: string, method: string): MatchResult {
    const request = `${method} ${path}`
    const match = this.#matches.get(request) ?? super.match(path, method)
    if (match.route && pathsOf(this).methods.has(path)) this.#matches.set(request, match)
    // The next router of the app adds its routes to the list.
    return { ...match, path: [...match.path] }
  }
}

export interface Route {
  method: string
  /** With `:name` for variable parts. */
  path: string
  /** Names of the middleware before the last, such as `requireUser`. */
  guards: readonly string[]
}

export function routesIn(router: Router): Route[] {
  return router.stack.flatMap(({ path, methods, stack }) =>
    methods
      .filter((method) => method !== 'HEAD')
      .map((method) => ({
        method,
        path: String(path),
        guards: stack.slice(0, -1).map(({ name }) => name),
      })),
  )
}

/** Returns middleware that refuses other methods on the paths of `router` with 405. Put it after the router. */
export function otherMethods(router: Router): Middleware {
  return (ctx, next) => {
    const allowed = methodsAt(router, ctx.path)
    return allowed.length > 0 ? refuseMethod(ctx, allowed) : next()
  }
}

export function missingSlash(router: Router): Middleware {
  return async (ctx, next) => {
    await next()
    const isUnhandled = ctx.status === 404 && ctx.body == null
    const canonical = isUnhandled && isRead(ctx) ? ownPath(`${ctx.path}/`) : undefined
    if (canonical === undefined || !methodsAt(router, canonical).includes('GET')) return
    ctx.set(DYNAMIC)
    ctx.status = 308
    ctx.set('Location', canonical + ctx.search)
    ctx.body = ''
  }
}

export function knows(router: Router, path: string): boolean {
  return methodsAt(router, path).length > 0
}

// PostgreSQL rejects text with NUL.
function methodsAt(router: Router, path: string): string[] {
  if (path.includes('%00')) return []
  const { methods, patterns } = pathsOf(router)
  return methods.get(path) ?? methodsOf(patterns.filter((route) => route.match(path)))
}

interface Paths {
  methods: ReadonlyMap<string, string[]>
  patterns: Router['stack']
}

const known = new WeakMap<Router, Paths>()

// Most paths are constant and are found without trying a pattern.
function pathsOf(router: Router): Paths {
  const paths = known.get(router) ?? readPaths(router)
  known.set(router, paths)
  return paths
}

function readPaths({ stack, opts }: Router): Paths {
  const plain = stack.filter(({ path }) => !/[:*{}()\\]/.test(String(path)))
  // Otherwise other paths may match a plain one, too.
  const isExact = opts.strict === true && opts.sensitive === true
  const patterns = isExact ? stack.filter((route) => !plain.includes(route)) : stack
  const methods = plain.map(({ path }): [string, string[]] => {
    const same = plain.filter((route) => route.path === path)
    return [String(path), methodsOf([...same, ...patterns.filter((route) => route.match(String(path)))])]
  })
  return { methods: new Map(methods), patterns }
}

function methodsOf(routes: Router['stack']): string[] {
  return [...new Set(routes.flatMap(({ methods }) => methods))]
}

function refuseMethod(ctx: Context, allowed: string[]): never {
  ctx.set('Allow', allowed.join(', '))
  if (ctx.path.endsWith('/verify/')) return refuseRequest(ctx, 403, ONLY_POST)
  return refuseRequest(ctx, 405, METHOD_WRONG)
}
