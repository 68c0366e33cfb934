import type Router from '@koa/router'
import type { Context } from 'koa'
import { denyAccount } from '../../accounts/closing.js'
import { TAKEN_MEANWHILE } from '../../accounts/email-address.js'
import { confirmAddress, correctAddress, sendConfirmAgain } from '../../accounts/email-confirmation.js'
import * as fields from '../../accounts/fields.js'
import { adviseOnEmail, onAcceptedEmail, onEmail } from '../../accounts/hints.js'
import { REOPEN_LIFE } from '../../accounts/mail-kinds.js'
import * as users from '../../tables/users.js'
import { askedBrowser } from '../../visitor/code-browser.js'
import { type Gatehouse, gatehouseOf, loginBefore } from '../../visitor/gatehouse.js'
import { requireRecentIfUser, userOf } from '../../visitor/guards.js'
import {
  behindLink,
  finishLink,
  forgetLink,
  formOf,
  isLive,
  type Link,
  linkOf,
  openLink,
  refuseLink,
} from '../../visitor/links.js'
import { placeOf } from '../../visitor/login-steps.js'
import { originOf } from '../../visitor/origin.js'
import * as unconfirmed from '../../visitor/unconfirmed.js'
import type { Form } from '../../web/form.js'
import { fingerprint, onSubmit, onTyping, type Sent } from '../../web/submit.js'

export const name = 'email/confirm'
export const needs = 'mail'

const PURPOSE = 'email-confirm'

const form: Form<'code' | 'password'> = {
  name,
  fields: ['code', 'password'],
  secret: ['password'],
  about: [behindLink(PURPOSE)],
  around: (ctx) => shown(ctx),
}
const sending: Form<never> = { name: 'email/confirm/send', fields: [], secret: [], oneButton: true, on: form }
const correcting: Form<'email'> = {
  name: 'email/confirm/address',
  fields: ['email'],
  secret: [],
  advised: ['email'],
}
const denying: Form<never> = {
  name: 'email/confirm/deny',
  fields: [],
  secret: [],
  oneButton: true,
  about: [behindLink(PURPOSE)],
  around: (ctx) => shownBeforeDenial(ctx),
}

export const CONFIRMED = { code: 'email_confirmed', sentence: 'Your email address {email} is confirmed.' }
const CONFIRMED_BEFORE = {
  code: 'email_confirmed_before',
  sentence: 'Your email address {email} is already confirmed.',
}
export const GO_ON = { code: 'email_confirmed_go_on', sentence: 'Continue' }
const SENT = { code: 'email_confirm_sent', sentence: 'Another email to {email} is on its way.' }
export const CORRECTED = {
  code: 'email_corrected',
  sentence: 'Your email address is now {email}. A confirmation email is on its way.',
}
const NOT_ERASED = {
  code: 'account_not_erased',
  sentence: 'The account cannot be deleted right now. The people who run this site know. Try again later.',
}
const LOG_IN = { code: 'log_in', sentence: 'Log in' }
const ASK_AGAIN = { code: 'email_confirm_ask', sentence: 'Get another email' }

export function routes(router: Router, gatehouse: Gatehouse): void {
  router.get('/email/confirm/', (ctx) => show(ctx, gatehouse))
  router.post(
    '/email/confirm/verify/',
    onSubmit(form, gatehouse, (ctx, values) => confirm(ctx, gatehouse, values)),
  )

  // A refused form is shown under this URL, so a reload has to work.
  router.get('/email/confirm/send/', (ctx) => gatehouse.pages.leave(ctx, gatehouse.url(name)))
  router.post(
    '/email/confirm/send/',
    onSubmit(sending, gatehouse, (ctx, values) => sendAgain(ctx, gatehouse, values)),
  )

  router.get('/email/confirm/address/', requireRecentIfUser, (ctx) => showAddress(ctx, gatehouse))
  router.post(
    '/email/confirm/address/advice/',
    onTyping(correcting, gatehouse, (ctx, values) =>
      adviseOnEmail(originOf(ctx, gatehouse), gatehouse, values),
    ),
  )
  router.post(
    '/email/confirm/address/verify/',
    requireRecentIfUser,
    onSubmit(correcting, gatehouse, (ctx, values) => correct(ctx, gatehouse, values)),
  )

  router.get('/email/confirm/deny/', (ctx) => showDenial(ctx, gatehouse))
  router.post(
    '/email/confirm/deny/',
    onSubmit(denying, gatehouse, (ctx, values) => deny(ctx, gatehouse, values)),
  )

  router.get('/email/confirm/link/:token/', (ctx) => openLink(ctx, gatehouse, PURPOSE, gatehouse.url(name)))
}

async function show(ctx: Context, gatehouse: Gatehouse): Promise<void> {
  const link = await linkOf(ctx, gatehouse, PURPOSE)
  if (link !== undefined && !isLive(link)) return await dead(ctx, gatehouse, link)
  if (link === undefined && (await unconfirmed.unconfirmedOf(ctx)) === undefined)
    return await noAccount(ctx, gatehouse)
  await gatehouse.pages.form(ctx, form, {}, { around: await shown(ctx, link) })
}

async function confirm(ctx: Context, gatehouse: Gatehouse, values: Sent<'code' | 'password'>): Promise<void> {
  const link = await linkOf(ctx, gatehouse, PURPOSE, values)
  if (link !== undefined && !isLive(link)) return await dead(ctx, gatehouse, link)
  const outcome = link
    ? await unconfirmed.proveByLink(ctx, gatehouse, link, values)
    : await unconfirmed.proveByCode(ctx, gatehouse, values)
  if (outcome === undefined) return await noAccount(ctx, gatehouse)
  if (!outcome.ok) return await gatehouse.pages.refuse(ctx, form, { errors: [outcome.error], values })
  const confirmed = await confirmAddress(originOf(ctx, gatehouse), gatehouse, outcome)
  if (confirmed === 'taken') {
    return await gatehouse.pages.refuse(ctx, form, { errors: [TAKEN_MEANWHILE], values })
  }
  finishLink(ctx, PURPOSE)
  await continueAfter(ctx, gatehouse, outcome.account, confirmed)
}

async function sendAgain(ctx: Context, gatehouse: Gatehouse, values: Sent<never>): Promise<void> {
  const account = await unconfirmed.unconfirmedOf(ctx)
  if (account === undefined) return await noAccount(ctx, gatehouse)
  await sendConfirmAgain(originOf(ctx, gatehouse), gatehouse, account.user)
  const message = { ...SENT, params: { email: account.user.email } }
  forgetLink(ctx, PURPOSE)
  await gatehouse.pages.accept(ctx, sending, { notice: { message }, to: gatehouse.url(name), values })
}

async function showAddress(ctx: Context, gatehouse: Gatehouse): Promise<void> {
  const account = await unconfirmed.unconfirmedOf(ctx)
  if (account === undefined || !unconfirmed.mayCorrect(ctx, account)) return await noAccount(ctx, gatehouse)
  const { email } = account.user
  await gatehouse.pages.form(ctx, correcting, { email }, { advice: onEmail(email) })
}

async function correct(ctx: Context, gatehouse: Gatehouse, values: Sent<'email'>): Promise<void> {
  const account = await unconfirmed.unconfirmedOf(ctx)
  if (account === undefined || !unconfirmed.mayCorrect(ctx, account)) return await noAccount(ctx, gatehouse)
  const email = fields.normalizeEmail(values.email)
  const errors = await correctAddress(originOf(ctx, gatehouse), gatehouse, account.user, {
    email,
    form: fingerprint(ctx, gatehouse, values, email),
  })
  if (errors.length > 0) {
    return await gatehouse.pages.refuse(ctx, correcting, { errors, advice: onEmail(email), values })
  }
  const message = { ...CORRECTED, params: { email } }
  const notice = { message, ...onAcceptedEmail(email, gatehouse.url(correcting.name)) }
  await gatehouse.pages.accept(ctx, correcting, { notice, to: gatehouse.url(name), onward: GO_ON, values })
}

async function showDenial(ctx: Context, gatehouse: Gatehouse): Promise<void> {
  const link = (await linkOf(ctx, gatehouse, PURPOSE)) ?? { state: 'unknown' }
  const { state } = link
  if (state === 'gone' || state === 'closed') {
    return gatehouse.pages.show(ctx, 'email/confirm/deny/done.html', { state, life: REOPEN_LIFE })
  }
  if (!isLive(link)) return await dead(ctx, gatehouse, link)
  await gatehouse.pages.form(ctx, denying, {}, { around: await shownBeforeDenial(ctx, link) })
}

async function deny(ctx: Context, gatehouse: Gatehouse, values: Sent<never>): Promise<void> {
  const link = await linkOf(ctx, gatehouse, PURPOSE, values)
  if (link?.state === 'done') return leaveDenied(ctx, gatehouse, 'closed')
  if (!isLive(link)) return await dead(ctx, gatehouse, link ?? { state: 'unknown' })
  const end = await denyAccount(originOf(ctx, gatehouse), gatehouse, {
    ...link.token,
    usedForm: formOf(ctx, gatehouse, link.token, values),
  })
  if (end === 'kept') {
    return await gatehouse.pages.refuse(ctx, denying, { status: 503, errors: [NOT_ERASED], values })
  }
  if (end === undefined) return await dead(ctx, gatehouse, (await linkOf(ctx, gatehouse, PURPOSE)) ?? link)
  leaveDenied(ctx, gatehouse, end)
}

function leaveDenied(ctx: Context, gatehouse: Gatehouse, end: 'gone' | 'closed'): void {
  finishLink(ctx, PURPOSE, end)
  gatehouse.pages.leave(ctx, gatehouse.url(denying.name))
}

async function shownBeforeDenial(ctx: Context, known?: Link) {
  return { ...(await shown(ctx, known)), life: REOPEN_LIFE }
}

async function shown(ctx: Context, known?: Link) {
  const gatehouse = gatehouseOf(ctx)
  const link = known ?? (await linkOf(ctx, gatehouse, PURPOSE))
  if (!link?.token) {
    const account = await unconfirmed.unconfirmedOf(ctx)
    const asks = askedBrowser(ctx) === undefined ? 'mail' : 'code'
    return { asks, name: account?.user.name ?? '', email: account?.user.email ?? '' }
  }
  const account = await users.byId(gatehouse.database.main, link.token.userId)
  const asks = link.state === 'done' || (await unconfirmed.isOwn(ctx, link.token)) ? 'nothing' : 'password'
  return { asks, name: account?.user.name ?? '', email: link.token.email }
}

async function continueAfter(
  ctx: Context,
  gatehouse: Gatehouse,
  { user }: users.Account,
  when: 'now' | 'before',
): Promise<void> {
  const message = { ...(when === 'now' ? CONFIRMED : CONFIRMED_BEFORE), params: { email: user.email } }
  await gatehouse.pages.accept(ctx, form, {
    notice: { message },
    to: placeOf(ctx, gatehouse, user),
    onward: userOf(ctx) === undefined ? LOG_IN : GO_ON,
    values: {},
  })
}

async function dead(ctx: Context, gatehouse: Gatehouse, link: Link): Promise<void> {
  if (link.state === 'gone' || link.state === 'closed') {
    return gatehouse.pages.leave(ctx, gatehouse.url(denying.name))
  }
  const account = link.token && (await users.byId(gatehouse.database.main, link.token.userId))
  forgetLink(ctx, PURPOSE)
  if (account !== undefined && account.user.emailConfirmedAt !== null) {
    const message = { ...CONFIRMED_BEFORE, params: { email: account.user.email } }
    return gatehouse.pages.leave(ctx, placeOf(ctx, gatehouse, account.user), { message })
  }
  refuseLink(ctx, gatehouse, link, { href: gatehouse.url(name), message: ASK_AGAIN })
}

async function noAccount(ctx: Context, gatehouse: Gatehouse): Promise<void> {
  const { pages, url } = gatehouse
  const account = await unconfirmed.accountOf(ctx)
  if (account === undefined) return pages.leave(ctx, loginBefore(gatehouse, url(name)))
  if (account.user.emailConfirmedAt === null) return pages.leave(ctx, url(name))
  const message = { ...CONFIRMED_BEFORE, params: { email: account.user.email } }
  pages.leave(ctx, placeOf(ctx, gatehouse, account.user), { message })
}
