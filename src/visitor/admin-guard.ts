import type { Context, Middleware } from 'koa'
import { ADMIN } from '../accounts/roles.js'
import { isRead } from '../web/http.js'
import { gatehouseOf } from './gatehouse.js'
import { refuseFor, requireRecentSecond, SET_UP_SECOND, userOf } from './guards.js'
import { sessionOf } from './logins.js'

const ADMIN_SECOND = {
  code: 'admin_second',
  sentence:
    'Admin pages need two-step verification. Set it up, or log out and log in with a passkey to continue.',
}

export function isAdmin(ctx: Context): boolean {
  return userOf(ctx)?.roles.includes(ADMIN) ?? false
}

/** Responds with 404 to everyone else. Requires both steps of a login, passed within `lifetimes.recent`. */
export const requireAdmin: Middleware = (ctx, next) => {
  if (!isAdmin(ctx)) ctx.throw(404)
  return requireRecentSecond(ctx, () => (isProved(ctx) ? next() : leadToSetUp(ctx)))
}

// With two-step verification `requireRecentSecond` has asked for it. Without, a passkey that checked its user is both steps.
function isProved(ctx: Context): boolean {
  const { lifetimes, now, offers } = gatehouseOf(ctx)
  if (userOf(ctx)?.secondStepAt !== null || !offers('account/two-step')) return true
  const at = sessionOf(ctx)?.secondAt ?? null
  return at !== null && now() - at < lifetimes.recent
}

async function leadToSetUp(ctx: Context): Promise<void> {
  const { pages, url } = gatehouseOf(ctx)
  const href = url('account/two-step')
  if (isRead(ctx)) return pages.leave(ctx, href, { message: ADMIN_SECOND })
  refuseFor(ctx, { error: ADMIN_SECOND, link: { href, message: SET_UP_SECOND } })
}
