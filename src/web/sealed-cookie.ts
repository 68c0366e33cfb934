import type { Context } from 'koa'
import type { Keyring } from '../secrets/keyring.js'
import { createSeal, remembering, type Seal } from '../secrets/seal.js'

/**
 * A cookie of our own beside the session's, sealed like it. Each holds what is written together, so that no answer takes a
 * former state of it along.
 */
export interface OwnCookie {
  /** What is in it, as the request brought it or was written since; undefined if nothing, or not by us. */
  read(ctx: Context): unknown
  /** Whether the request brought something under its name that is not by us: another site on this host, on another port. */
  isTaken(ctx: Context): boolean
  /** Without `maxAge`, in milliseconds, it ends with the browser. Browsers keep none for over 400 days (RFC 6265bis 5.5). */
  write(ctx: Context, content: unknown, lifetime?: { maxAge: number }): void
  /** Deletes it; what somebody else has put under its name stays. */
  clear(ctx: Context): void
}

export interface CookieOptions {
  name: string
  /** Whether the site's public address is https: fixes `Secure` and the `__Host-` prefix. */
  https: boolean
}

export interface OwnCookieOptions extends CookieOptions {
  seal: Seal
}

/** Makes our cookies: that of the login has the site's name for cookies alone, others have a word more. */
export function cookiesOf({ name, https }: CookieOptions, keyring: Keyring): (word?: string) => OwnCookie {
  return (word = '') =>
    ownCookie({
      name: [name, word].filter(Boolean).join('-'),
      seal: remembering(createSeal(keyring.sealKeys(`${word || 'login'} cookie`))),
      https,
    })
}

/** Browsers drop a cookie of over 4096 bytes with its name and attributes, silently (RFC 6265bis 5.6). */
export const MAX_COOKIE = 4_000

/** What all our cookies are called, before the word that tells them apart. */
export const COOKIE_NAME = 'gatehouse'

export const COOKIE_NAME_RULE = '1 to 40 letters, digits, - or _, without __ in front'

// What begins with __ has a meaning for browsers (RFC 6265bis 4.1.3): it is we who know whether they would keep it.
export function isCookieName(name: unknown): boolean {
  return typeof name === 'string' && /^(?!__)[A-Za-z0-9_-]{1,40}$/.test(name)
}

/** The name that a cookie has in the browser: a `__Host-` cookie is taken only over https, for this host and every path. */
export function cookieName(name: string, { https }: { https: boolean }): string {
  return https ? `__Host-${name}` : name
}

export function ownCookie({ name, seal, https }: OwnCookieOptions): OwnCookie {
  const full = cookieName(name, { https })
  const written = new WeakMap<Context, { content: unknown }>()
  const attributes = {
    httpOnly: true,
    sameSite: 'lax',
    secure: https,
    signed: false,
    overwrite: true,
  } as const

  const set = (ctx: Context, content: unknown, value: string | null, lifetime: { maxAge?: number } = {}) => {
    // What a proxy in between speaks does not count.
    if (https) ctx.cookies.secure = true
    ctx.cookies.set(full, value, { ...attributes, ...lifetime })
    written.set(ctx, { content })
  }

  const brought = (ctx: Context): string => ctx.cookies.get(full, { signed: false }) ?? ''

  const read = (ctx: Context): unknown => {
    const own = written.get(ctx)
    if (own !== undefined) return own.content
    const sealed = brought(ctx)
    const text = sealed.length > MAX_COOKIE ? undefined : seal.open(sealed, full)
    return text === undefined ? undefined : JSON.parse(text)
  }

  return {
    read,
    isTaken: (ctx) => !written.has(ctx) && brought(ctx) !== '' && read(ctx) === undefined,
    write(ctx, content, lifetime) {
      const sealed = seal.close(JSON.stringify(content), full)
      if (sealed.length > MAX_COOKIE)
        throw new Error(`This is too much for the cookie ${full} (${sealed.length} bytes).`)
      set(ctx, content, sealed, lifetime)
    },
    clear(ctx) {
      if (read(ctx) !== undefined) set(ctx, undefined, null)
    },
  }
}
