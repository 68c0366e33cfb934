import type { Middleware } from 'koa'
import { isRole, ROLE_RULE } from '../accounts/roles.js'
import { gatehouseOf } from './gatehouse.js'
import { requireUser, userOf } from './guards.js'

const ROLE_NEEDED = { code: 'role_needed', sentence: 'Your account has no access to this page.' }

/**
 * Requires a login and the role. Leads visitors to the login; other users get a page with status 403. A role that was
 * removed no longer counts at the next request. Throws if `role` is not a word that a role can be.
 */
export function requireRole(role: string): Middleware {
  if (!isRole(role)) throw new Error(`requireRole needs a role: ${ROLE_RULE}.`)
  return (ctx, next) =>
    requireUser(ctx, async () => {
      if (userOf(ctx)?.roles.includes(role)) return await next()
      gatehouseOf(ctx).pages.problem(ctx, { status: 403, error: ROLE_NEEDED })
    })
}
