import type Router from '@koa/router'
import type { Context, Middleware } from 'koa'
import { closeAccount, reopen } from '../../accounts/closing.js'
import { REOPEN_LIFE } from '../../accounts/mail-kinds.js'
import type * as tokens from '../../tables/tokens.js'
import * as users from '../../tables/users.js'
import type { FeatureLink } from '../../visitor/feature.js'
import { type Gatehouse, gatehouseOf, loginAs } from '../../visitor/gatehouse.js'
import { requireRecentSecond, userOf } from '../../visitor/guards.js'
import { lastUser, stayKnown } from '../../visitor/known-devices.js'
import { type Link, linkOf, linkSubject, openLink, refuseLink } from '../../visitor/links.js'
import { loginOf } from '../../visitor/logins.js'
import { originOf } from '../../visitor/origin.js'
import { forgetLogin } from '../../visitor/session.js'
import { isCrossSite } from '../../web/csrf.js'
import type { Form, Message } from '../../web/form.js'
import { onSubmit } from '../../web/submit.js'

export const name = 'account/close'
export const links: readonly FeatureLink[] = [
  {
    on: 'account',
    group: 'data',
    order: 90,
    title: { code: 'account_close_link', sentence: 'Close account' },
    hint: { code: 'account_close_link_hint', sentence: 'Leave and delete your data' },
  },
]

const closing: Form<never> = { name, fields: [], secret: [], oneButton: true, around: aroundClosing }
const undoing: Form<never> = {
  name: 'account/close/undo',
  fields: [],
  secret: [],
  oneButton: true,
  about: [linkSubject('account-reopen')],
  around: aroundUndoing,
}

const CLOSED = {
  code: 'account_closed',
  sentence:
    'Your account is closed and will be deleted {time}. Until then you can reopen it: log in, or use the link in the email.',
}
const CLOSED_WITHOUT_MAIL = {
  code: 'account_closed_without_mail',
  sentence: 'Your account is closed and will be deleted {time}. Until then you can reopen it by logging in.',
}
const REOPENED = {
  code: 'account_reopened',
  sentence: 'Your account is open again. Nothing will be deleted. Now log in.',
}
const OPEN_ALREADY = {
  code: 'account_open_already',
  sentence: 'Your account is open. Nothing will be deleted. You can log in.',
}
const LOG_IN = { code: 'log_in_to_reopen', sentence: 'Log in to reopen a closed account' }

export function routes(router: Router, gatehouse: Gatehouse): void {
  router.get('/account/close/', requireRecentSecond, (ctx) => gatehouse.pages.form(ctx, closing))

  router.post(
    '/account/close/',
    unlessClosed,
    requireRecentSecond,
    onSubmit(closing, gatehouse, async (ctx) => {
      const { user } = loginOf(ctx)
      const stamp = await closeAccount(originOf(ctx, gatehouse), gatehouse, user)
      // The browser that closed the account stays a known device, so that it can reopen it.
      if (stamp !== undefined) stayKnown(ctx, gatehouse, { stamp })
      await forgetLogin(ctx, gatehouse)
      leaveClosed(ctx, gatehouse, user, gatehouse.now() + REOPEN_LIFE)
    }),
  )

  router.get('/account/close/undo/:token/', (ctx) =>
    openLink(ctx, gatehouse, 'account-reopen', gatehouse.url(undoing.name)),
  )

  router.get('/account/close/undo/', async (ctx) => {
    const found = await reopenLinkOf(ctx, gatehouse)
    if (found.state !== 'open') return refuse(ctx, gatehouse, found)
    await gatehouse.pages.form(ctx, undoing)
  })

  router.post(
    '/account/close/undo/',
    onSubmit(undoing, gatehouse, async (ctx) => {
      const found = await reopenLinkOf(ctx, gatehouse)
      if (found.state !== 'open') return refuse(ctx, gatehouse, found)
      if (!(await reopen(originOf(ctx, gatehouse), gatehouse, found.account.user.id, { by: found.token })))
        return refuse(ctx, gatehouse, await reopenLinkOf(ctx, gatehouse))
      leaveForLogin(ctx, gatehouse, found.account, REOPENED)
    }),
  )
}

async function aroundClosing(ctx: Context): Promise<{ hasMail: boolean; life: number }> {
  return { hasMail: gatehouseOf(ctx).outbox.isOn, life: REOPEN_LIFE }
}

// After a double click the owner must see that the account is closed: they might log in, which reopens it.
// Not for cross-site requests, see `logout.ts`.
const unlessClosed: Middleware = async (ctx, next) => {
  const gatehouse = gatehouseOf(ctx)
  const userId = lastUser(ctx, gatehouse)
  if (userOf(ctx) !== undefined || userId === undefined || isCrossSite(ctx, gatehouse.origin))
    return await next()
  const account = await users.byId(gatehouse.database.main, userId)
  if (account === undefined || account.eraseAt === null) return await next()
  leaveClosed(ctx, gatehouse, account.user, account.eraseAt)
}

function leaveClosed(
  ctx: Context,
  { pages, places, outbox, now }: Gatehouse,
  { email }: users.User,
  eraseAt: number,
): void {
  const message = outbox.isOn && email !== null ? CLOSED : CLOSED_WITHOUT_MAIL
  const params = { time: { milliseconds: eraseAt - now() } }
  pages.leave(ctx, places.afterLogout, { message: { ...message, params } })
}

type ReopenLink =
  | { state: 'open'; token: tokens.Token; account: users.Account }
  | { state: 'done'; account: users.Account }
  | { state: 'unusable'; link: Link }

async function reopenLinkOf(ctx: Context, gatehouse: Gatehouse): Promise<ReopenLink> {
  const link = (await linkOf(ctx, gatehouse, 'account-reopen')) ?? { state: 'unknown' }
  const isGood = link.state === 'live' || link.state === 'used'
  const account = isGood ? await users.byId(gatehouse.database.main, link.token.userId) : undefined
  if (!isGood || account === undefined) return { state: 'unusable', link }
  if (account.closedAt === null) return { state: 'done', account }
  return link.state === 'live' ? { state: 'open', token: link.token, account } : { state: 'unusable', link }
}

async function aroundUndoing(ctx: Context): Promise<{ account?: { name: string; eraseAt: number } }> {
  const found = await reopenLinkOf(ctx, gatehouseOf(ctx))
  if (found.state !== 'open') return {}
  const { user, eraseAt } = found.account
  return { account: { name: user.name, eraseAt: eraseAt ?? 0 } }
}

function refuse(ctx: Context, gatehouse: Gatehouse, found: ReopenLink): void {
  if (found.state === 'done') {
    leaveForLogin(ctx, gatehouse, found.account, OPEN_ALREADY)
    return
  }
  const link: Link = found.state === 'unusable' ? found.link : { state: 'live', token: found.token }
  refuseLink(ctx, gatehouse, link, { href: gatehouse.url('login'), message: LOG_IN })
}

function leaveForLogin(ctx: Context, gatehouse: Gatehouse, { user }: users.Account, message: Message): void {
  gatehouse.pages.leave(ctx, loginAs(gatehouse, user), { message })
}
