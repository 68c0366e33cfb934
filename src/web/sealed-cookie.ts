import type { Context } from 'koa'
import { type Cipher, caching, createCipher } from '../secrets/cipher.js'
import type { Keyring } from '../secrets/keyring.js'

/** Encrypted. What changes together shares a cookie, so no late response can restore part of an older state. */
export interface OwnCookie {
  /** Returns undefined if there is none, or if another site wrote it. */
  read(ctx: Context): unknown
  /** Whether another site on this host, on another port, uses the name. */
  isTaken(ctx: Context): boolean
  /** `maxAge` in milliseconds, at most 400 days (RFC 6265bis 5.5). Without it the browser session. */
  write(ctx: Context, content: unknown, lifetime?: { maxAge: number }): void
  clear(ctx: Context): void
}

export interface CookieOptions {
  name: string
  path: string
  https: boolean
}

export interface OwnCookieOptions extends CookieOptions {
  cipher: Cipher
}

export function cookiesOf(
  { name, path, https }: CookieOptions,
  keyring: Keyring,
): (word?: string) => OwnCookie {
  return (word = '') =>
    ownCookie({
      name: [name, word].filter(Boolean).join('-'),
      cipher: caching(createCipher(keyring.cipherKeys(`${word || 'login'} cookie`))),
      path,
      https,
    })
}

// Browsers silently drop cookies over 4096 bytes, name and attributes included (RFC 6265bis 5.6).
export const MAX_COOKIE = 4_000

export const COOKIE_NAME = 'gatehouse'

export const COOKIE_NAME_RULE = '1 to 40 letters, digits, - or _, without __ in front'

// Names that begin with `__` have a meaning for browsers (RFC 6265bis 4.1.3). Only `cookieName` adds one.
export function isCookieName(name: unknown): boolean {
  return typeof name === 'string' && /^(?!__)[A-Za-z0-9_-]{1,40}$/.test(name)
}

// Browsers accept a `__Host-` cookie only over https, for this host and every path (RFC 6265bis 4.1.3).
export function cookieName(name: string, { path, https }: Pick<CookieOptions, 'path' | 'https'>): string {
  if (!https) return name
  return path === '/' ? `__Host-${name}` : `__Secure-${name}`
}

export const COOKIE_PATH_RULE = 'a path like /members, without / at the end'

export function isCookiePath(path: unknown): boolean {
  return path === '/' || (typeof path === 'string' && /^(?:\/[\w-]+)+$/.test(path))
}

/** Whether browsers send cookies of this path to all pages that begin with `prefix` (RFC 6265bis 5.1.4). */
export function coversPages(cookiePath: string, prefix: string): boolean {
  return `${prefix}/`.startsWith(cookiePath === '/' ? '/' : `${cookiePath}/`)
}

export function ownCookie({ name, path, cipher, https }: OwnCookieOptions): OwnCookie {
  const full = cookieName(name, { path, https })
  const written = new WeakMap<Context, { content: unknown }>()
  const own = { httpOnly: true, sameSite: 'lax', signed: false, overwrite: true } as const
  const attributes = { ...own, path, secure: https }

  const set = (ctx: Context, content: unknown, value: string | null, lifetime: { maxAge?: number } = {}) => {
    // Otherwise setting a Secure cookie throws if a proxy connects over http.
    if (https) ctx.cookies.secure = true
    ctx.cookies.set(full, value, { ...attributes, ...lifetime })
    written.set(ctx, { content })
  }

  const brought = (ctx: Context): string => ctx.cookies.get(full, { signed: false }) ?? ''

  const read = (ctx: Context): unknown => {
    const now = written.get(ctx)
    if (now !== undefined) return now.content
    const encrypted = brought(ctx)
    const text = encrypted.length > MAX_COOKIE ? undefined : cipher.decrypt(encrypted, full)
    return text === undefined ? undefined : JSON.parse(text)
  }

  return {
    read,
    isTaken: (ctx) => !written.has(ctx) && brought(ctx) !== '' && read(ctx) === undefined,
    write(ctx, content, lifetime) {
      const encrypted = cipher.encrypt(JSON.stringify(content), full)
      if (encrypted.length > MAX_COOKIE)
        throw new Error(`The value is too large for the cookie ${full} (${encrypted.length} bytes).`)
      set(ctx, content, encrypted, lifetime)
    },
    clear(ctx) {
      if (read(ctx) !== undefined) set(ctx, undefined, null)
    },
  }
}
