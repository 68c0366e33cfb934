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

/** For pages that nobody else can see: requires both steps of a login, passed a short time ago. */
export const requireAdmin: Middleware = (ctx, next) => {
  if (!isAdmin(ctx)) ctx.throw(404)
  return requireRecentSecond(ctx, () => (isProved(ctx) ? next() : leadToSetUp(ctx)))
}

// With two-step verification the guard before has asked for it. A passkey that has checked its user is both steps.
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
