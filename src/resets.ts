import type { Context } from 'koa'
import { fold } from './fields.js'
import type { House } from './house.js'
import * as users from './tables/users.js'
import { keep, keptText } from './web/session.js'

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

/** Whose user name or e-mail this is. */
export function accountNamed({ database }: House, username: string): Promise<users.Account | undefined> {
  const find = username.includes('@') ? users.byEmailKey : users.byNameKey
  return find(database.main, fold(username))
}
