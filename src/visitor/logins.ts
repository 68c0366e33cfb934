import type { Context } from 'koa'
import type * as sessions from '../tables/sessions.js'
import type { User } from '../tables/users.js'

const logins = new WeakMap<Context, sessions.Login>()

/** The user whom Gatehouse found for this request; what others write to `ctx.state.user` does not count. */
export function userOf(ctx: Context): User | undefined {
  return logins.get(ctx)?.user
}

/** The session of the user who is logged in, for those who need to know more of it than whose it is. */
export function sessionOf(ctx: Context): sessions.Session | undefined {
  return logins.get(ctx)?.session
}

/** The session and its user, for what stands behind `requireUser`. Throws if nobody is logged in. */
export function loginOf(ctx: Context): sessions.Login {
  const login = logins.get(ctx)
  if (login === undefined) throw new Error('Nobody is logged in: put requireUser before it.')
  return login
}

/** Notes who was found. Hosts read a copy: whatever they add to it, or change in it, the guards go by what was found. */
export function setLogin(ctx: Context, login: sessions.Login | undefined): void {
  if (login === undefined) logins.delete(ctx)
  else logins.set(ctx, login)
  ctx.state.user = login && { ...login.user }
}
