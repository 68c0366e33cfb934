import { createRequire } from 'node:module'
import type { Middleware } from 'koa'

// The tests use one function, which is not worth a package of types.
export const mount: (path: string, middleware: Middleware) => Middleware = createRequire(import.meta.url)(
  'koa-mount',
)
