import type { Context, Middleware } from 'koa'
import { houseOf, type Url } from './house.js'
import type { User } from './tables/users.js'
import { localPath } from './web/local-path.js'

const LOGIN_NEEDED = { code: 'login_needed', sentence: 'You are logged out, so nothing was done.' }
const LOG_IN = { code: 'log_in', sentence: 'Log in' }

/**
 * Lets only users who are logged in through. Others who open a page log in first and come back to it; what others send
 * is refused with 403 and a link to the login. Stands behind `accounts()`.
 */
export const requireUser: Middleware = async (ctx, next) => {
  if (userOf(ctx) !== undefined) return await next()
  const { pages, url } = houseOf(ctx)
  if (ctx.method === 'GET' || ctx.method === 'HEAD') return pages.leave(ctx, loginPath(url, ctx.url))
  const link = { href: loginPath(url, refererPath(ctx)), message: LOG_IN }
  pages.problem(ctx, { status: 403, error: LOGIN_NEEDED, link })
}

function loginPath(url: Url, next: string | undefined): string {
  const place = localPath(next)
  return place === undefined ? url('login') : `${url('login')}?${new URLSearchParams({ next: place })}`
}

// The page that the form stood on; only its path counts, so another site cannot lead anywhere by it.
function refererPath(ctx: Context): string | undefined {
  const referer = ctx.get('Referer')
  return URL.canParse(referer) ? new URL(referer).pathname : undefined
}

/** Lets only visitors through who are not logged in; users go home, or on to the page that asked for the login. */
export const requireAnonymous: Middleware = async (ctx, next) => {
  if (userOf(ctx) === undefined) return await next()
  const { pages, places } = houseOf(ctx)
  pages.leave(ctx, localPath(ctx.query.next) ?? places.home)
}

/** The user who is logged in, if there is one. */
export function userOf(ctx: Context): User | undefined {
  return ctx.state.user
}
