import type { Context } from 'koa'
import { hashOf } from '../secrets/token.js'
import { newSecret } from '../web/csrf.js'
import type { OwnCookie } from '../web/sealed-cookie.js'

export interface CookieContent {
  token: string
  csrf: string
}

// Written only by login, renewal and logout, so that a page that loads meanwhile cannot undo them.
export interface LoginCookie {
  read(ctx: Context): CookieContent | undefined
  /** Changes the CSRF secret. `maxAge` is in milliseconds; without it the cookie ends with the browser. */
  begin(ctx: Context, token: string, lifetime?: { maxAge: number }): void
  /** Keeps the CSRF secret, so that open forms still work. */
  renew(ctx: Context, token: string, lifetime?: { maxAge: number }): void
  end(ctx: Context): void
}

export function loginCookie(cookie: OwnCookie): LoginCookie {
  const read = (ctx: Context): CookieContent | undefined => {
    const content = cookie.read(ctx)
    return isCookieContent(content) ? content : undefined
  }
  const write = (ctx: Context, content: CookieContent, lifetime?: { maxAge: number }) =>
    cookie.write(ctx, content, lifetime)
  return {
    read,
    begin: (ctx, token, lifetime) => write(ctx, { token, csrf: newSecret() }, lifetime),
    renew: (ctx, token, lifetime) => write(ctx, { token, csrf: read(ctx)?.csrf ?? newSecret() }, lifetime),
    end: cookie.clear,
  }
}

function isCookieContent(value: unknown): value is CookieContent {
  return typeof value === 'object' && value !== null && 'token' in value && 'csrf' in value
}

export function tokenHashIn(ctx: Context, { loginCookie }: { loginCookie: LoginCookie }): string | undefined {
  const content = loginCookie.read(ctx)
  return content && hashOf(content.token)
}
