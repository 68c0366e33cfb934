import type Router from '@koa/router'
import type { Context } from 'koa'
import { finishLost, lostOf, lostRefusalOf, requestLost, startLost } from '../../../accounts/second-lost.js'
import { MINUTE } from '../../../base/durations.js'
import * as users from '../../../tables/users.js'
import { type Gatehouse, gatehouseOf } from '../../../visitor/gatehouse.js'
import { userOf } from '../../../visitor/guards.js'
import {
  fingerprintForLink,
  forgetLink,
  isLive,
  linkOf,
  openLink,
  refuseLink,
} from '../../../visitor/links.js'
import { advance, waitingForSecond } from '../../../visitor/login-steps.js'
import { originOf } from '../../../visitor/origin.js'
import type { Form } from '../../../web/form.js'
import { fingerprint, onSubmit, type Sent } from '../../../web/submit.js'
import { leaveForLogin } from '../two-step.js'

export const name = 'login/two-step/lost'
export const partOf = 'account/two-step'
export const needs = 'lost'

const PURPOSE = 'second-lost'

const asking: Form<never> = { name, fields: [], secret: [], oneButton: true, around }
const starting: Form<never> = { ...asking, name: `${name}/start`, on: asking }
const finishing: Form<never> = { ...asking, name: `${name}/finish`, on: asking }

export const SENT = {
  code: 'second_lost_sent',
  sentence:
    'An email to the address of your account is on its way or was sent recently. Open the link in it, in this browser if you can.',
}
export const STARTED = {
  code: 'second_lost_started',
  sentence:
    'You can log in without a code {when}. Until then you can cancel this with a code, or on any device that is logged in.',
}
export const FINISHED = {
  code: 'second_lost_finished',
  sentence: 'You are logged in. Two-step verification is off. Set it up again with your new app.',
}
const PASSWORD_FIRST = {
  code: 'second_lost_password_first',
  sentence: 'Enter your password first. Then you can continue without a code.',
}
const NOT_YET = {
  code: 'second_lost_not_yet',
  sentence: 'Something has changed in the meantime. Two-step verification is still on.',
}
const ASK_AGAIN = { code: 'second_lost_again', sentence: 'Get another email' }

type Waiting = NonNullable<Awaited<ReturnType<typeof waitingForSecond>>>

// The half login proves that the password was entered in this browser. So a link alone starts nothing, even if a mail scanner
// presses every button.
export function routes(router: Router, gatehouse: Gatehouse): void {
  router.get('/login/two-step/lost/', (ctx) => show(ctx, gatehouse))
  router.post('/login/two-step/lost/', onSubmit(asking, gatehouse, afterPassword(gatehouse, ask)))
  router.get('/login/two-step/lost/link/:token/', (ctx) =>
    openLink(ctx, gatehouse, PURPOSE, gatehouse.url(name)),
  )

  router.get('/login/two-step/lost/start/', (ctx) => gatehouse.pages.leave(ctx, gatehouse.url(name)))
  router.get('/login/two-step/lost/finish/', (ctx) => gatehouse.pages.leave(ctx, gatehouse.url(name)))
  router.post('/login/two-step/lost/start/', onSubmit(starting, gatehouse, afterPassword(gatehouse, start)))
  router.post(
    '/login/two-step/lost/finish/',
    onSubmit(finishing, gatehouse, afterPassword(gatehouse, finish)),
  )
}

type Step = (ctx: Context, gatehouse: Gatehouse, waiting: Waiting, values: Sent<never>) => Promise<void>

function afterPassword(gatehouse: Gatehouse, step: Step) {
  return async (ctx: Context, values: Sent<never>) => {
    const waiting = await waitingWithPassword(ctx, gatehouse)
    if (waiting === undefined) return leaveForLogin(ctx, gatehouse)
    await step(ctx, gatehouse, waiting, values)
  }
}

// The app may have begun the half login after no more than a proof of the mailbox.
async function waitingWithPassword(ctx: Context, gatehouse: Gatehouse): Promise<Waiting | undefined> {
  const waiting = await waitingForSecond(ctx, gatehouse)
  return waiting?.methods.includes('password') ? waiting : undefined
}

async function show(ctx: Context, gatehouse: Gatehouse): Promise<void> {
  const { pages, url } = gatehouse
  const waiting = await waitingWithPassword(ctx, gatehouse)
  if (waiting === undefined) {
    if (userOf(ctx) !== undefined) return leaveForLogin(ctx, gatehouse)
    return pages.leave(ctx, url('login'), { message: PASSWORD_FIRST })
  }
  const link = await linkOf(ctx, gatehouse, PURPOSE)
  const isUseless = link !== undefined && (!isLive(link) || link.token.userId !== waiting.userId)
  if (isUseless) forgetLink(ctx, PURPOSE)
  if (isUseless && lostOf(gatehouse, waiting.account.user) === undefined) {
    const unusable = isLive(link) ? ({ state: 'unknown' } as const) : link
    return refuseLink(ctx, gatehouse, unusable, { href: url(name), message: ASK_AGAIN })
  }
  await pages.form(ctx, asking)
}

async function around(ctx: Context): Promise<object> {
  const gatehouse = gatehouseOf(ctx)
  const waiting = await waitingWithPassword(ctx, gatehouse)
  if (waiting === undefined) return {}
  const { account, userId } = waiting
  const link = await linkOf(ctx, gatehouse, PURPOSE)
  return {
    name: account.user.name,
    wait: gatehouse.rules.lostWait,
    lost: lostOf(gatehouse, account.user),
    refusal: await lostRefusalOf(gatehouse, account),
    isOpened: isLive(link) && link.token.userId === userId,
  }
}

async function ask(
  ctx: Context,
  gatehouse: Gatehouse,
  { account }: Waiting,
  values: Sent<never>,
): Promise<void> {
  const { pages, url, now } = gatehouse
  if (lostOf(gatehouse, account.user) !== undefined) return pages.leave(ctx, url(name))
  // A double click asks once. A minute later the same form asks again.
  const print = fingerprint(ctx, gatehouse, values, name, String(Math.floor(now() / MINUTE)))
  const refusal = await requestLost(originOf(ctx, gatehouse), gatehouse, account, print)
  if (refusal !== undefined) return await pages.refuse(ctx, asking, { errors: [refusal], values })
  pages.leave(ctx, url(name), { message: SENT })
}

async function start(
  ctx: Context,
  gatehouse: Gatehouse,
  { account }: Waiting,
  values: Sent<never>,
): Promise<void> {
  const { pages, url, database, now } = gatehouse
  const link = await linkOf(ctx, gatehouse, PURPOSE, values)
  if (isLive(link)) {
    const usedForm = fingerprintForLink(ctx, gatehouse, link.token, values)
    await startLost(originOf(ctx, gatehouse), gatehouse, account, { ...link.token, usedForm })
  }
  forgetLink(ctx, PURPOSE)
  // Read again, because a double click starts it only once.
  const user = (await users.byId(database.main, account.user.id))?.user
  const lost = user && lostOf(gatehouse, user)
  if (lost === undefined)
    return refuseLink(ctx, gatehouse, link ?? { state: 'unknown' }, { href: url(name), message: ASK_AGAIN })
  const when = { milliseconds: Math.max(0, lost.endsAt - now()) }
  pages.leave(ctx, url(name), { message: { ...STARTED, params: { when } } })
}

async function finish(
  ctx: Context,
  gatehouse: Gatehouse,
  { account: found, methods, kept }: Waiting,
  values: Sent<never>,
): Promise<void> {
  const { pages, url } = gatehouse
  const account = await finishLost(originOf(ctx, gatehouse), gatehouse, found)
  if (account === undefined) return await pages.refuse(ctx, finishing, { errors: [NOT_YET], values })
  const form = fingerprint(ctx, gatehouse, values, name)
  const login = await advance(ctx, gatehouse, { account, methods, kept, next: '', form })
  if (login.state !== 'begun') return leaveForLogin(ctx, gatehouse)
  gatehouse.countLogin('logged_in')
  pages.leave(ctx, url('account/two-step'), { message: FINISHED })
}
