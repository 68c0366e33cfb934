import type Router from '@koa/router'
import type { Context } from 'koa'
import { countMail } from '../asking.js'
import { happens } from '../events.js'
import { requireRecentLogin, userOf } from '../guards.js'
import { type House, houseOf } from '../house.js'
import { finishLink, forgetLink, isLive, type Link, linkOf, openLink, refuseLink } from '../links.js'
import { REOPEN_LIFE } from '../mail.js'
import { circumstances } from '../notices.js'
import { forgetLogin, loginOf } from '../sessions.js'
import * as mails from '../tables/mails.js'
import * as sessions from '../tables/sessions.js'
import * as tokens from '../tables/tokens.js'
import * as users from '../tables/users.js'
import type { Form } from '../web/form.js'
import { onSubmit } from '../web/submit.js'

export const name = 'account-close'

const PURPOSE = 'account-reopen'

const form: Form<never> = {
  name,
  fields: [],
  secret: [],
  oneButton: true,
  around: async () => ({ life: REOPEN_LIFE }),
}
/** Behind the link in the mail. */
const undoing: Form<never> = {
  name: 'account-close/undo',
  fields: [],
  secret: [],
  oneButton: true,
  around: (ctx) => behind(ctx),
}

const CLOSED = {
  code: 'account_closed',
  sentence:
    'Your account is closed, and will be erased {when}. Until then you can take it back by logging in.',
}
const REOPENED = {
  code: 'account_reopened',
  sentence: 'Your account is open again, and nothing will be erased.',
}
const OPEN_ALREADY = { code: 'account_open', sentence: 'The account is open: there is nothing to take back.' }
const LOG_IN = { code: 'log_in', sentence: 'Log in' }

export function routes(router: Router, house: House): void {
  router.get('/account/close/', requireRecentLogin, (ctx) => house.pages.form(ctx, form))

  router.post(
    '/account/close/',
    requireRecentLogin,
    onSubmit(form, house, async (ctx) => {
      await close(ctx, house)
      const message = { ...CLOSED, params: { when: { milliseconds: REOPEN_LIFE } } }
      house.pages.leave(ctx, house.places.afterLogout, { message })
    }),
  )

  router.get('/account/close/undo/', async (ctx) => {
    const link = await linkOf(ctx, house, PURPOSE)
    if (!isLive(link)) return await dead(ctx, house, link)
    await house.pages.form(ctx, undoing)
  })

  router.post(
    '/account/close/undo/',
    onSubmit(undoing, house, async (ctx) => {
      const link = await linkOf(ctx, house, PURPOSE)
      const account = isLive(link) ? await takeBack(ctx, house, link.token) : undefined
      if (account === undefined) return await dead(ctx, house, await linkOf(ctx, house, PURPOSE))
      house.pages.leave(ctx, loginFor(house, account), { message: REOPENED })
    }),
  )

  router.get('/account/close/undo/:token/', (ctx) => openLink(ctx, house, PURPOSE, house.url(undoing.name)))
}

async function behind(ctx: Context): Promise<{ name: string }> {
  const house = houseOf(ctx)
  const link = await linkOf(ctx, house, PURPOSE)
  const account = link?.token && (await users.byId(house.database.main, link.token.userId))
  return { name: account?.user.name ?? '' }
}

/** Closes the account: nobody is logged in to it any more, and what was mailed to it opens nothing but its return. */
async function close(ctx: Context, house: House): Promise<void> {
  const { user } = loginOf(ctx)
  await countMail(ctx, house, { kind: 'account-closed', userId: user.id, address: user.email })
  const now = house.now()
  await happens(ctx, house, { kind: 'account_closed', userId: user.id }, async (transaction) => {
    if (!(await users.close(transaction, user.id, { now, eraseAt: now + REOPEN_LIFE }))) return undefined
    await sessions.closeAll(transaction, user.id, { now })
    await users.setNextEmail(transaction, user.id, { nextEmail: null, now })
    await tokens.revoke(transaction, user.id, ['password-reset', 'email-change', 'email-confirm'])
    await mails.cancel(transaction, user.id, ['password-reset', 'email-change', 'email-confirm'])
    const facts = { to: user.email, ...circumstances(ctx, house) }
    await house.outbox.post(transaction, { kind: 'account-closed', userId: user.id, facts })
    return true
  })
  forgetLogin(ctx)
}

async function takeBack(
  ctx: Context,
  house: House,
  { userId, hash }: tokens.Token,
): Promise<users.Account | undefined> {
  const now = house.now()
  const done = await happens(ctx, house, { kind: 'account_reopened', userId }, async (transaction) => {
    if ((await tokens.use(transaction, { hash, purpose: PURPOSE, now })) === undefined) return undefined
    return (await users.reopen(transaction, userId, now)) || undefined
  })
  if (done === undefined) return undefined
  finishLink(ctx, PURPOSE)
  return users.byId(house.database.main, userId)
}

/** A link that does nothing any more; if the account is open, that is what was asked for. */
async function dead(ctx: Context, house: House, link: Link | undefined): Promise<void> {
  const account = link?.token && (await users.byId(house.database.main, link.token.userId))
  if (account !== undefined && account.closedAt === null) {
    const message = link?.state === 'done' ? REOPENED : OPEN_ALREADY
    const to = userOf(ctx)?.id === account.user.id ? house.url('account') : loginFor(house, account)
    return house.pages.leave(ctx, to, { message })
  }
  forgetLink(ctx, PURPOSE)
  refuseLink(ctx, house, link ?? { state: 'unknown' }, { href: house.url('login'), message: LOG_IN })
}

function loginFor({ url }: House, { user }: users.Account): string {
  return `${url('login')}?${new URLSearchParams({ username: user.name })}`
}
