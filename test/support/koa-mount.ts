import { createRequire } from 'node:module'
import type Koa from 'koa'
import type { Middleware } from 'koa'

// The tests use one function, which is not worth a package of types.
export const mount: (path: string, app: Koa | Middleware) => Middleware = createRequire(import.meta.url)(
  'koa-mount',
)
