import type { Middleware } from 'koa'
import { isRead } from '../web/http.js'
import { gatehouseOf } from './gatehouse.js'
import { refuseFor, requireUser, userOf } from './guards.js'

const CONFIRMATION_NEEDED = {
  code: 'confirmation_needed',
  sentence: 'Confirm your email address first. Nothing has been changed yet.',
}
export const CONFIRM = { code: 'login_confirm', sentence: 'Confirm your email address' }

/**
 * Requires a login and a confirmed email address, for what needs one where `emailConfirmation` is optional. Leads
 * others to the confirmation; a form gets 403 and a link. Throws where email is off, because nobody could confirm.
 */
export const requireConfirmed: Middleware = (ctx, next) =>
  requireUser(ctx, async () => {
    if (userOf(ctx)?.emailConfirmedAt != null) return await next()
    const { pages, url, offers } = gatehouseOf(ctx)
    if (!offers('email/confirm')) throw new Error('requireConfirmed needs email (option mail).')
    const href = url('email/confirm')
    if (isRead(ctx)) return pages.leave(ctx, href, { message: CONFIRMATION_NEEDED })
    refuseFor(ctx, { error: CONFIRMATION_NEEDED, link: { href, message: CONFIRM } })
  })
