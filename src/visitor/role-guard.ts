import type { Middleware } from 'koa'
import { isRole, ROLE_RULE } from '../accounts/roles.js'
import { gatehouseOf } from './gatehouse.js'
import { requireUser, userOf } from './guards.js'

const ROLE_NEEDED = { code: 'role_needed', sentence: 'Your account has no access to this page.' }

/** Requires a login and the role. Other users get 403. A removed role stops counting at the next request. Throws for an impossible role. */
export function requireRole(role: string): Middleware {
  if (!isRole(role)) throw new Error(`requireRole needs a role: ${ROLE_RULE}.`)
  return (ctx, next) =>
    requireUser(ctx, async () => {
      if (userOf(ctx)?.roles.includes(role)) return await next()
      gatehouseOf(ctx).pages.problem(ctx, { status: 403, error: ROLE_NEEDED })
    })
}
