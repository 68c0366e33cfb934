import type { Context, Middleware } from 'koa'
import { houseOf } from './house.js'
import type { User } from './tables/users.js'
import { refuseRequest } from './web/errors.js'
import { localPath } from './web/local-path.js'

const LOGIN_NEEDED = { code: 'login_needed', sentence: 'You are logged out. Please log in and try again.' }

/**
 * Lets only users who are logged in through. Others who open a page log in first and come back to it; what others send
 * is refused with 403. Stands behind `accounts()`.
 */
export const requireUser: Middleware = async (ctx, next) => {
  if (userOf(ctx) !== undefined) return await next()
  if (ctx.method !== 'GET' && ctx.method !== 'HEAD') refuseRequest(ctx, 403, LOGIN_NEEDED)
  const { pages, url } = houseOf(ctx)
  const here = localPath(ctx.url)
  pages.leave(
    ctx,
    here === undefined ? url('login') : `${url('login')}?${new URLSearchParams({ next: here })}`,
  )
}

/** Lets only visitors through who are not logged in; users are sent on to where a login would lead. */
export const requireAnonymous: Middleware = async (ctx, next) => {
  if (userOf(ctx) === undefined) return await next()
  const { pages, places } = houseOf(ctx)
  pages.leave(ctx, localPath(ctx.query.next) ?? places.home)
}

/** The user who is logged in, if there is one. */
export function userOf(ctx: Context): User | undefined {
  return ctx.state.user
}
