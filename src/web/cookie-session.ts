import type Koa from 'koa'
import type { Context, Middleware } from 'koa'
import koaSession from 'koa-session'
import { caching, createCipher } from '../secrets/cipher.js'
import { createKeyring } from '../secrets/keyring.js'
import {
  COOKIE_NAME,
  COOKIE_NAME_RULE,
  COOKIE_PATH_RULE,
  cookieName,
  isCookieName,
  isCookiePath,
  MAX_COOKIE,
  type OwnCookieOptions,
} from './sealed-cookie.js'

export interface SealedSessionOptions {
  keys: readonly string[]
  https: boolean
  name?: string
  path?: string
}

/**
 * Returns koa-session in an encrypted, HttpOnly, SameSite=Lax cookie `<name>-notes`. `https` adds Secure and `__Host-`, or `__Secure-`
 * with a `path`. `keys`: 32 random bytes each as base64url, newest first. Throws if a key, `name` or `path` is wrong.
 */
export function sealedSession(
  app: Koa,
  { keys, https, name = COOKIE_NAME, path = '/' }: SealedSessionOptions,
): Middleware {
  if (!isCookieName(name)) throw new Error(`The name of a sealedSession must be ${COOKIE_NAME_RULE}.`)
  if (!isCookiePath(path)) throw new Error(`The path of a sealedSession must be ${COOKIE_PATH_RULE}.`)
  const cipher = createCipher(createKeyring(keys).cipherKeys('session cookie'))
  return sealedCookie(app, { cipher: caching(cipher), https, path, name: `${name}-notes` })
}

function sealedCookie(app: Koa, { cipher, https, path, name: word }: OwnCookieOptions): Middleware {
  const name = cookieName(word, { path, https })
  // koa-session passes them on to the cookie, though its types leave out `path`.
  const options = {
    key: name,
    maxAge: 'session' as const,
    httpOnly: true,
    sameSite: 'lax',
    path,
    secure: https,
    signed: false,
    encode: (content: object) => fitting(cipher.encrypt(JSON.stringify(content), name)),
    decode: (cookie: string) => parsed(cipher.decrypt(cookie, name)),
  }
  const session = koaSession(options, app)
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

function fitting(encrypted: string): string {
  if (encrypted.length > MAX_COOKIE)
    throw new Error(`The session is too large for a cookie (${encrypted.length} bytes).`)
  return encrypted
}

function parsed(content: string | undefined): unknown {
  return content === undefined ? null : JSON.parse(content)
}

// koa-session would keep sending an empty session. A new one stays: the cookie may belong to another site.
function dropEmpty(ctx: Context): void {
  if (ctx.session?.isNew === false && !ctx.session.populated) ctx.session = null
}
