import type Koa from 'koa'
import type { Context, Middleware } from 'koa'
import koaSession from 'koa-session'
import { cookieName } from './own-cookie.js'
import type { Seal } from './seal.js'

// Browsers keep at least 4096 bytes for name, value and attributes (RFC 6265bis 5.6); a larger cookie is dropped
// silently, which would look like a login that does nothing.
const MAX_COOKIE = 4000

/**
 * koa-session in cookie mode with everything in the cookie sealed. `https` (is the site's public address https?) fixes
 * `Secure` and the `__Host-` prefix, whatever a proxy in between says.
 */
export function sealedCookie(app: Koa, { seal, https }: { seal: Seal; https: boolean }): Middleware {
  const name = cookieName('gatehouse', { https })
  const session = koaSession(
    {
      key: name,
      maxAge: 'session',
      httpOnly: true,
      sameSite: 'lax',
      secure: https,
      signed: false,
      encode: (content: object) => fitting(seal.close(JSON.stringify(content), name)),
      decode: (cookie: string) => parsed(seal.open(cookie, name)),
    },
    app,
  )
  return async (ctx, next) => {
    if (https) ctx.cookies.secure = true
    await session(ctx, async () => {
      try {
        await next()
      } finally {
        dropEmpty(ctx, name)
      }
    })
  }
}

function fitting(sealed: string): string {
  if (sealed.length > MAX_COOKIE)
    throw new Error(`The session is too large for a cookie (${sealed.length} bytes).`)
  return sealed
}

function parsed(content: string | undefined): unknown {
  return content === undefined ? null : JSON.parse(content)
}

// koa-session would go on sending an empty session; a visitor with nothing to remember needs no cookie.
function dropEmpty(ctx: Context, name: string): void {
  if (ctx.cookies.get(name) !== undefined && ctx.session?.populated === false) ctx.session = null
}
