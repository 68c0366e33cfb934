import type { Context } from 'koa'
import { hashOf } from '../secrets/token.js'
import { newSecret } from '../web/csrf.js'
import type { OwnCookie } from '../web/sealed-cookie.js'

/** Names the session of who is logged in here, and holds the secret of its forms. */
export interface Carried {
  token: string
  csrf: string
}

/**
 * The cookie of a login. Only a login, its renewal and its end write it: a page that was under way meanwhile must not undo
 * them with what it knew.
 */
export interface LoginCookie {
  read(ctx: Context): Carried | undefined
  /** Carries a login with this token and a new secret, to outlive the browser by `maxAge` milliseconds if need be. */
  begin(ctx: Context, token: string, lifetime?: { maxAge: number }): void
  /** Carries another token for the same login: forms that are open stay good. */
  renew(ctx: Context, token: string, lifetime?: { maxAge: number }): void
  end(ctx: Context): void
}

export function loginCookie(cookie: OwnCookie): LoginCookie {
  const read = (ctx: Context): Carried | undefined => {
    const content = cookie.read(ctx)
    return isCarried(content) ? content : undefined
  }
  const write = (ctx: Context, carried: Carried, lifetime?: { maxAge: number }) =>
    cookie.write(ctx, carried, lifetime)
  return {
    read,
    begin: (ctx, token, lifetime) => write(ctx, { token, csrf: newSecret() }, lifetime),
    renew: (ctx, token, lifetime) => write(ctx, { token, csrf: read(ctx)?.csrf ?? newSecret() }, lifetime),
    end: cookie.clear,
  }
}

function isCarried(value: unknown): value is Carried {
  return typeof value === 'object' && value !== null && 'token' in value && 'csrf' in value
}

/** The hash of the token that a request carries, by which the database knows its session. */
export function tokenHashIn(ctx: Context, { loginCookie }: { loginCookie: LoginCookie }): string | undefined {
  const carried = loginCookie.read(ctx)
  return carried && hashOf(carried.token)
}
