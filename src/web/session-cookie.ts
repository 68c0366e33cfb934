import type Koa from 'koa'
import type { Context, Middleware } from 'koa'
import koaSession from 'koa-session'
import { cookieName, MAX_COOKIE, type OwnCookieOptions } from './sealed-cookie.js'

/**
 * koa-session in cookie mode with everything in the cookie sealed. `https` (is the site's public address https?) fixes
 * `Secure` and the `__Host-` prefix, whatever a proxy in between says.
 */
export function sealedCookie(app: Koa, { seal, https, name: word }: OwnCookieOptions): Middleware {
  const name = cookieName(word, { https })
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
        dropEmpty(ctx)
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

// koa-session would go on sending an empty session; a visitor with nothing to remember needs no cookie. One that was not
// opened is new: it may be somebody else's.
function dropEmpty(ctx: Context): void {
  if (ctx.session?.isNew === false && !ctx.session.populated) ctx.session = null
}
