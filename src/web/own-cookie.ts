import type { Context } from 'koa'
import type { Seal } from './seal.js'

/** A cookie of our own beside the session's, sealed like it, for what has to outlive the session. */
export interface OwnCookie {
  /** What is in it; undefined if there is none, or if it was changed or made elsewhere. */
  read(ctx: Context): unknown
  write(ctx: Context, content: unknown): void
}

export interface OwnCookieOptions {
  name: string
  seal: Seal
  /** Whether the site's public address is https: fixes `Secure` and the `__Host-` prefix. */
  https: boolean
  /** In milliseconds; browsers keep a cookie for 400 days at most (RFC 6265bis 5.5). */
  maxAge: number
}

/** Longer than what we write, and too short for the time that it takes to open to be measured. */
const MOST = 1_500

/** The name that a cookie has in the browser: a `__Host-` cookie is taken only over https, for this host and every path. */
export function cookieName(name: string, { https }: { https: boolean }): string {
  return https ? `__Host-${name}` : name
}

export function ownCookie({ name, seal, https, maxAge }: OwnCookieOptions): OwnCookie {
  const full = cookieName(name, { https })
  return {
    read(ctx) {
      const sealed = ctx.cookies.get(full, { signed: false }) ?? ''
      const text = sealed.length > MOST ? undefined : seal.open(sealed, full)
      return text === undefined ? undefined : JSON.parse(text)
    },
    write(ctx, content) {
      // What a proxy in between speaks does not count.
      if (https) ctx.cookies.secure = true
      const attributes = { httpOnly: true, sameSite: 'lax', secure: https, signed: false, maxAge } as const
      ctx.cookies.set(full, seal.close(JSON.stringify(content), full), attributes)
    },
  }
}
