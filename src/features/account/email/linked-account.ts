import type { Context } from 'koa'
import type * as tokens from '../../../tables/tokens.js'
import * as users from '../../../tables/users.js'
import { gatehouseOf } from '../../../visitor/gatehouse.js'
import { userOf } from '../../../visitor/guards.js'
import { linkOf } from '../../../visitor/links.js'

export async function linkedAccount(ctx: Context, purpose: tokens.Purpose) {
  const gatehouse = gatehouseOf(ctx)
  const link = await linkOf(ctx, gatehouse, purpose)
  const account = link?.token && (await users.byId(gatehouse.database.main, link.token.userId))
  const isOwn = userOf(ctx)?.id === account?.user.id
  return {
    name: account?.user.name ?? '',
    email: link?.token?.email ?? '',
    // The reader of a mistyped address must not learn the current one.
    present: isOwn ? (account?.user.email ?? '') : '',
    asksPassword: !isOwn,
  }
}
