import type { Context } from 'koa'
import type * as sessions from '../tables/sessions.js'
import type { User } from '../tables/users.js'

const logins = new WeakMap<Context, sessions.Login>()

/** Returns the user of this request, if any. Changes to `ctx.state.user` do not affect it. */
export function userOf(ctx: Context): User | undefined {
  return logins.get(ctx)?.user
}

export function sessionOf(ctx: Context): sessions.Session | undefined {
  return logins.get(ctx)?.session
}

export function loginOf(ctx: Context): sessions.Login {
  const login = logins.get(ctx)
  if (login === undefined) throw new Error('Nobody is logged in. Add requireUser before this handler.')
  return login
}

// The app gets a copy, so that nothing it changes affects the guards.
export function setLogin(ctx: Context, login: sessions.Login | undefined): void {
  if (login === undefined) logins.delete(ctx)
  else logins.set(ctx, login)
  ctx.state.user = login && { ...login.user }
}
