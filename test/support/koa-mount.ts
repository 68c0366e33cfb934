import { createRequire } from 'node:module'
import type { Middleware } from 'koa'

// The tests need one function of it, and no package of types for that.
export const mount: (path: string, middleware: Middleware) => Middleware = createRequire(import.meta.url)(
  'koa-mount',
)
