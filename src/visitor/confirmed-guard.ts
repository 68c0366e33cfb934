import type { Middleware } from 'koa'
import { gatehouseOf } from './gatehouse.js'
import { leadToConfirmation, requireUser, userOf } from './guards.js'

/** Requires a login and a confirmed email address, and leads others to the confirmation. Throws if email is off. */
export const requireConfirmed: Middleware = (ctx, next) =>
  requireUser(ctx, async () => {
    if (userOf(ctx)?.emailConfirmedAt != null) return await next()
    const { offers } = gatehouseOf(ctx)
    if (!offers('email/confirm')) throw new Error('requireConfirmed needs email (options mail and emails).')
    await leadToConfirmation(ctx)
  })
