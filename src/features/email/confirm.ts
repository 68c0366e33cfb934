import type Router from '@koa/router'
import type { Context } from 'koa'
import { TAKEN_MEANWHILE } from '../../accounts/email-address.js'
import { confirmAddress, correctAddress, sendConfirmAgain } from '../../accounts/email-confirmation.js'
import * as fields from '../../accounts/fields.js'
import { emailHints, onAcceptedEmail, onEmail } from '../../accounts/hints.js'
import { isFirst, type Method } from '../../accounts/login-methods.js'
import * as users from '../../tables/users.js'
import { type Gatehouse, loginBefore } from '../../visitor/gatehouse.js'
import { requireRecentIfUser, userOf } from '../../visitor/guards.js'
import { finishLink, forgetLink, isLive, linkOf, linkSubject, openLink } from '../../visitor/links.js'
import { isLoginAfter } from '../../visitor/login-after.js'
import {
  accountOrLogin,
  advance,
  type HalfLogin,
  type LoginState,
  passedBefore,
  waitingForConfirmation,
} from '../../visitor/login-steps.js'
import { originOf } from '../../visitor/origin.js'
import * as unconfirmed from '../../visitor/unconfirmed.js'
import { welcome } from '../../visitor/welcome.js'
import type { Form, Message } from '../../web/form.js'
import { fingerprint, onSubmit, onTyping, type Sent } from '../../web/submit.js'
import * as deny from './confirm/deny.js'
import { CONFIRMED_BEFORE, PURPOSE, shown, showUnusable } from './confirm/link.js'

export const name = 'email/confirm'
export const needs = 'mail'

const form: Form<'code' | 'password'> = {
  name,
  fields: ['code', 'password'],
  secret: ['password'],
  about: [linkSubject(PURPOSE)],
  around: (ctx) => shown(ctx),
}
const sending: Form<never> = { name: 'email/confirm/send', fields: [], secret: [], oneButton: true, on: form }
const correcting: Form<'email'> = {
  name: 'email/confirm/address',
  fields: ['email'],
  secret: [],
  hinted: ['email'],
}

export const CONFIRMED = { code: 'email_confirmed', sentence: 'Your email address {email} is confirmed.' }
const CONFIRMED_LOGGED_IN = {
  code: 'email_confirmed_logged_in',
  sentence: 'Your email address {email} is confirmed, and you are logged in.',
}
export const GO_ON = { code: 'email_confirmed_go_on', sentence: 'Continue' }
const SENT = { code: 'email_confirm_sent', sentence: 'Another email to {email} is on its way.' }
export const CORRECTED = {
  code: 'email_corrected',
  sentence: 'Your email address is now {email}. A confirmation email is on its way.',
}
const LOG_IN = { code: 'log_in', sentence: 'Log in' }

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
    '/email/confirm/address/hints/',
    onTyping(correcting, gatehouse, (ctx, values) => emailHints(originOf(ctx, gatehouse), gatehouse, values)),
  )
  router.post(
    '/email/confirm/address/verify/',
    requireRecentIfUser,
    onSubmit(correcting, gatehouse, (ctx, values) => correct(ctx, gatehouse, values)),
  )

  deny.routes(router, gatehouse)

  router.get('/email/confirm/link/:token/', (ctx) => openLink(ctx, gatehouse, PURPOSE, gatehouse.url(name)))
}

async function show(ctx: Context, gatehouse: Gatehouse): Promise<void> {
  const link = await linkOf(ctx, gatehouse, PURPOSE)
  if (link !== undefined && !isLive(link)) return await showUnusable(ctx, gatehouse, link)
  if (link === undefined && (await unconfirmed.unconfirmedOf(ctx)) === undefined)
    return await noAccount(ctx, gatehouse)
  await gatehouse.pages.form(ctx, form, {}, { around: await shown(ctx, link) })
}

async function confirm(ctx: Context, gatehouse: Gatehouse, values: Sent<'code' | 'password'>): Promise<void> {
  const print = fingerprint(ctx, gatehouse, values)
  const before = await passedBefore(ctx, gatehouse, print)
  if (before !== undefined) {
    const login = await logIn(ctx, gatehouse, before.account, { half: before, form: print })
    return await continueAfter(ctx, gatehouse, { ...before.account, message: CONFIRMED_BEFORE, login })
  }
  const link = await linkOf(ctx, gatehouse, PURPOSE, values)
  if (link !== undefined && !isLive(link)) return await showUnusable(ctx, gatehouse, link)
  const outcome = link
    ? await unconfirmed.proveByLink(ctx, gatehouse, link, values)
    : await unconfirmed.proveByCode(ctx, gatehouse, values)
  if (outcome === undefined) return await noAccount(ctx, gatehouse)
  if (!outcome.ok) return await gatehouse.pages.refuse(ctx, form, { errors: [outcome.error], values })
  const { account, isTyped } = outcome
  const half = await waitingForConfirmation(ctx, gatehouse, account.user)
  const confirmed = await confirmAddress(originOf(ctx, gatehouse), gatehouse, outcome)
  if (confirmed === 'taken') {
    return await gatehouse.pages.refuse(ctx, form, { errors: [TAKEN_MEANWHILE], values })
  }
  finishLink(ctx, PURPOSE)
  const isLogin =
    isLoginAfter(ctx, gatehouse, 'confirmation', account.user) && (isTyped || half !== undefined)
  const login =
    isLogin && userOf(ctx) === undefined
      ? await logIn(ctx, gatehouse, account, { half, form: print })
      : undefined
  const message = confirmed === 'now' ? CONFIRMED : CONFIRMED_BEFORE
  await continueAfter(ctx, gatehouse, { ...account, message, login })
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
  await gatehouse.pages.form(ctx, correcting, { email }, { hints: onEmail(email) })
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
    return await gatehouse.pages.refuse(ctx, correcting, { errors, hints: onEmail(email), values })
  }
  const message = { ...CORRECTED, params: { email } }
  const notice = { message, ...onAcceptedEmail(email, gatehouse.url(correcting.name)) }
  await gatehouse.pages.accept(ctx, correcting, { notice, to: gatehouse.url(name), onward: GO_ON, values })
}

interface Confirmed {
  user: users.User
  message: Message
  login: (LoginState & { next: string }) | undefined
}

async function continueAfter(
  ctx: Context,
  gatehouse: Gatehouse,
  { user, message, login }: Confirmed,
): Promise<void> {
  const params = { email: user.email ?? '' }
  if (login?.state === 'begun') {
    const loggedIn = { ...CONFIRMED_LOGGED_IN, params }
    return await welcome(ctx, gatehouse, form, { ...login, message: loggedIn, values: {} })
  }
  await gatehouse.pages.accept(ctx, form, {
    notice: { message: { ...message, params } },
    to: login?.state === 'waiting' ? gatehouse.url(login.for) : accountOrLogin(ctx, gatehouse, user),
    onward: userOf(ctx) === undefined ? LOG_IN : GO_ON,
    values: {},
  })
}

// Counts as a login with the password entered beside the link, at login or at sign-up. The link itself must not log in: a mailbox
// is no authenticator (NIST SP 800-63B-4 3.1.3.1), and someone may have sent the link to make its reader act as them.
async function logIn(
  ctx: Context,
  gatehouse: Gatehouse,
  { user }: users.Account,
  { half, form: print }: { half: HalfLogin | undefined; form: string },
): Promise<(LoginState & { next: string }) | undefined> {
  const account = await users.byId(gatehouse.database.main, user.id)
  if (account === undefined) return undefined
  const { kept = false, next = '' } = half ?? {}
  // The proof that the passkey stood for both steps is used already.
  const methods = half?.methods.filter((method) => method !== 'verified') ?? []
  // An account without a password was created with a passkey, in this browser.
  const made = account.passwordHash === '' ? 'passkey' : 'password'
  const proved: Method[] = methods.some(isFirst) ? [...methods] : [...methods, made]
  return { ...(await advance(ctx, gatehouse, { account, methods: proved, kept, next, form: print })), next }
}

async function noAccount(ctx: Context, gatehouse: Gatehouse): Promise<void> {
  const { pages, url } = gatehouse
  const account = await unconfirmed.accountOf(ctx)
  if (account === undefined) return pages.leave(ctx, loginBefore(gatehouse, url(name)))
  const { email, emailConfirmedAt } = account.user
  if (email === null)
    return pages.leave(ctx, url(gatehouse.offers('account/email') ? 'account/email' : 'account'))
  if (emailConfirmedAt === null) return pages.leave(ctx, url(name))
  const message = { ...CONFIRMED_BEFORE, params: { email } }
  pages.leave(ctx, accountOrLogin(ctx, gatehouse, account.user), { message })
}
