import type { Context } from 'koa'
import * as users from '../../../tables/users.js'
import { codeBrowserOf } from '../../../visitor/code-browser.js'
import { type Gatehouse, gatehouseOf } from '../../../visitor/gatehouse.js'
import { forgetLink, type Link, linkOf, refuseLink } from '../../../visitor/links.js'
import { accountOrLogin } from '../../../visitor/login-steps.js'
import * as unconfirmed from '../../../visitor/unconfirmed.js'

export const PURPOSE = 'email-confirm'

export const DENIAL = 'email/confirm/deny'

export const CONFIRMED_BEFORE = {
  code: 'email_confirmed_before',
  sentence: 'Your email address {email} is already confirmed.',
}
const ASK_AGAIN = { code: 'email_confirm_ask', sentence: 'Get another email' }

export async function shown(ctx: Context, known?: Link) {
  const gatehouse = gatehouseOf(ctx)
  const link = known ?? (await linkOf(ctx, gatehouse, PURPOSE))
  if (!link?.token) {
    const account = await unconfirmed.unconfirmedOf(ctx)
    const asks = codeBrowserOf(ctx) === undefined ? 'mail' : 'code'
    return { asks, name: account?.user.name ?? '', email: account?.user.email ?? '' }
  }
  const account = await users.byId(gatehouse.database.main, link.token.userId)
  const proof = account?.passwordHash === '' ? 'passkey' : 'password'
  const asks = link.state === 'done' || (await unconfirmed.isOwn(ctx, link.token)) ? 'nothing' : proof
  return { asks, name: account?.user.name ?? '', email: link.token.email }
}

export async function showUnusable(ctx: Context, gatehouse: Gatehouse, link: Link): Promise<void> {
  if (link.state === 'gone' || link.state === 'closed') {
    return gatehouse.pages.leave(ctx, gatehouse.url(DENIAL))
  }
  const account = link.token && (await users.byId(gatehouse.database.main, link.token.userId))
  forgetLink(ctx, PURPOSE)
  if (account !== undefined && account.user.emailConfirmedAt !== null) {
    const message = { ...CONFIRMED_BEFORE, params: { email: account.user.email ?? '' } }
    return gatehouse.pages.leave(ctx, accountOrLogin(ctx, gatehouse, account.user), { message })
  }
  refuseLink(ctx, gatehouse, link, { href: gatehouse.url('email/confirm'), message: ASK_AGAIN })
}
