import type Koa from 'koa'
import type { Context, Middleware } from 'koa'
import koaSession from 'koa-session'
import { createKeyring } from '../secrets/keyring.js'
import { createSeal, remembering } from '../secrets/seal.js'
import {
  COOKIE_NAME,
  COOKIE_NAME_RULE,
  cookieName,
  isCookieName,
  MAX_COOKIE,
  type OwnCookieOptions,
} from './sealed-cookie.js'

/**
 * koa-session in a cookie that nobody can read or change: HttpOnly, SameSite=Lax, and with `https` (the site's public
 * address is https) also Secure with the `__Host-` prefix.
 *
 * @param keys 32 random bytes each as base64url, newest first; the older ones only open what they sealed
 * @param name begins the cookie's name, `<name>-notes`, as the option `cookieName` begins the others; `gatehouse` by default
 */
export function sealedSession(
  app: Koa,
  { keys, https, name = COOKIE_NAME }: { keys: readonly string[]; https: boolean; name?: string },
): Middleware {
  if (!isCookieName(name)) throw new Error(`The name of a sealedSession has to be ${COOKIE_NAME_RULE}.`)
  const seal = createSeal(createKeyring(keys).sealKeys('session cookie'))
  return sealedCookie(app, { seal: remembering(seal), https, name: `${name}-notes` })
}

/**
 * koa-session in cookie mode with everything in the cookie sealed. `https` (is the site's public address https?) fixes
 * `Secure` and the `__Host-` prefix, whatever a proxy in between says.
 */
function sealedCookie(app: Koa, { seal, https, name: word }: OwnCookieOptions): Middleware {
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
