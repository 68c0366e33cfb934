import type { Context } from 'koa'
import { keep, keptText } from '../web/session.js'

const ASKED = 'reset'

/** Notes in this browser for whom a new password was asked, so that the mailed code can be typed here. */
export function keepAsked(ctx: Context, username: string): void {
  keep(ctx, { [ASKED]: username })
}

export function askedOf(ctx: Context): string | undefined {
  return keptText(ctx, ASKED)
}

export function forgetAsked(ctx: Context): void {
  keep(ctx, { [ASKED]: undefined })
}
