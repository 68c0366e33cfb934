import type { Context, Middleware } from 'koa'
import { lacksConfirmation } from '../accounts/confirmation-rule.js'
import { lacksSecond } from '../accounts/second-rule.js'
import type { User } from '../tables/users.js'
import { refuseCrossSite } from '../web/csrf.js'
import type { Message } from '../web/form.js'
import { isRead, queryText, seenPath } from '../web/http.js'
import { localPath } from '../web/local-path.js'
import type { Link } from '../web/notices.js'
import { formOf } from '../web/submit.js'
import { ASK_CODE, ASK_PASSWORD, ask } from './asking.js'
import { keepTyped, pageOfForm, pageRequested, typedIn } from './drafts.js'
import { type Gatehouse, gatehouseOf } from './gatehouse.js'
import { userOf } from './logins.js'
import { CODE, passwordConfirm } from './proofs.js'
import { hasSecondStep, isRecentLogin, isRecentSecond } from './recent.js'
import { meetsRuleByPasskey } from './second-passkeys.js'

export { userOf }

export const LOGIN_NEEDED = {
  code: 'login_needed',
  sentence: 'You are logged out. Log in, then send this again if it is still needed.',
}
const LOGIN_NEEDED_TOO_LONG = {
  code: 'login_needed_too_long',
  sentence:
    'You are logged out. What you typed is too long to keep, so copy it first. Then log in, and send this again if it is still needed.',
}
export const SECOND_REQUIRED = {
  code: 'second_required',
  sentence: 'You need two-step verification here. Set it up to continue.',
}
export const SET_UP_SECOND = { code: 'second_set_up', sentence: 'Set up two-step verification' }
const STEP_MISSING = {
  code: 'step_missing',
  sentence: 'You need one more step before you can do this. Nothing has been changed yet.',
}
const OPEN_STEP = { code: 'step_open', sentence: 'Go to that step' }
const CONFIRMATION_NEEDED = {
  code: 'confirmation_needed',
  sentence: 'Confirm your email address first. Nothing has been changed yet.',
}
export const CONFIRM = { code: 'login_confirm', sentence: 'Confirm your email address' }
export const LOG_IN = { code: 'log_in', sentence: 'Log in' }

/**
 * Requires a login. Redirects page views to the login and back. Other requests get 403 and a link to the
 * login, and come back filled in. Throws unless it runs behind `accounts()`.
 */
export const requireUser: Middleware = async (ctx, next) => {
  const user = userOf(ctx)
  const gatehouse = gatehouseOf(ctx)
  if (user !== undefined && lacksConfirmation(gatehouse, user) && !isOpen(ctx, OPEN_UNCONFIRMED))
    return await leadToConfirmation(ctx)
  if (user !== undefined && (await needsSetUp(ctx, gatehouse, user))) return await leadToSetUp(ctx)
  const step = user && (await stepOf(ctx, user))
  if (step !== undefined && !isOpen(ctx, OPEN_WITHOUT_STEP) && !isAt(ctx, step))
    return await leadToStep(ctx, step)
  if (user !== undefined) return await next()
  const { pages, url } = gatehouse
  if (isRead(ctx)) return pages.leave(ctx, pathWithNext(url('login'), pageRequested(ctx)))
  await refuseLoggedOut(ctx)
}

async function needsSetUp(ctx: Context, gatehouse: Gatehouse, user: User): Promise<boolean> {
  if (!lacksSecond(gatehouse, user) || (await meetsRuleByPasskey(ctx, gatehouse))) return false
  return !isOpen(ctx, OPEN_WITHOUT_SECOND)
}

// Pages for users who have to confirm the email address, or want to leave.
const OPEN_UNCONFIRMED = ['email/confirm', 'password/confirm', 'logout', 'account/export', 'account/close']

// Pages for users who have to set up two-step verification, or want to leave.
const OPEN_WITHOUT_SECOND = [
  ...['account/two-step', 'account/authenticator', 'account/recovery-codes', 'account/passkeys'],
  ...['email/confirm', 'password/confirm', 'logout'],
]

// Pages for users who refuse the app's step and want to leave.
const OPEN_WITHOUT_STEP = [...OPEN_WITHOUT_SECOND, 'account/export', 'account/close']

function isOpen(ctx: Context, names: readonly string[]): boolean {
  const { url } = gatehouseOf(ctx)
  return names.some((name) => seenPath(ctx).startsWith(url(name)))
}

/** Returns the path of the app's next step for the user, if there is one. */
export async function stepOf(ctx: Context, user: User): Promise<string | undefined> {
  const step = await gatehouseOf(ctx).loginStep(user, ctx)
  if (step === undefined || localPath(step) === step) return step
  throw new Error('Option loginStep must return a path of this site, like /terms/, or undefined.')
}

function isAt(ctx: Context, step: string): boolean {
  const [path = ''] = step.split('?', 1)
  const seen = seenPath(ctx)
  return seen === path || (path !== '/' && seen.startsWith(path.replace(/\/?$/, '/')))
}

async function leadToSetUp(ctx: Context): Promise<void> {
  const { pages, url } = gatehouseOf(ctx)
  const href = url('account/two-step')
  if (isRead(ctx)) return pages.leave(ctx, href, { message: SECOND_REQUIRED })
  refuseFor(ctx, { error: SECOND_REQUIRED, link: { href, message: SET_UP_SECOND } })
}

export async function leadToConfirmation(ctx: Context): Promise<void> {
  const { pages, url } = gatehouseOf(ctx)
  const href = url('email/confirm')
  if (isRead(ctx)) return pages.leave(ctx, href, { message: CONFIRMATION_NEEDED })
  refuseFor(ctx, { error: CONFIRMATION_NEEDED, link: { href, message: CONFIRM } })
}

async function leadToStep(ctx: Context, step: string): Promise<void> {
  const { pages } = gatehouseOf(ctx)
  if (isRead(ctx)) return pages.leave(ctx, pathWithNext(step, pageRequested(ctx)))
  const href = pathWithNext(step, pageOfForm(ctx))
  refuseFor(ctx, { error: STEP_MISSING, link: { href, message: OPEN_STEP } })
}

export function refuseFor(ctx: Context, { error, link }: { error: Message; link: Link }): void {
  const { pages, origin, log } = gatehouseOf(ctx)
  refuseCrossSite(ctx, { origin, log })
  keepTyped(ctx, pageOfForm(ctx))
  pages.problem(ctx, { status: 403, error, link })
}

async function refuseLoggedOut(ctx: Context): Promise<void> {
  const { pages, url, origin, log } = gatehouseOf(ctx)
  refuseCrossSite(ctx, { origin, log })
  const page = pageOfForm(ctx)
  const error = keepTyped(ctx, page) ? LOGIN_NEEDED : LOGIN_NEEDED_TOO_LONG
  const link = { href: pathWithNext(url('login'), page), message: LOG_IN }
  const form = formOf(ctx)
  const values = typedIn(ctx)
  // What a page shows around its form may need a user.
  if (form === undefined || form.around !== undefined || Object.keys(values).length === 0) {
    return pages.problem(ctx, { status: 403, error, link })
  }
  await pages.refuse(ctx, form, { status: 403, errors: [{ ...error, link }], values })
}

/** Requires that nobody is logged in. Redirects users to `next` or the home page. */
export const requireAnonymous: Middleware = async (ctx, next) => {
  if (userOf(ctx) === undefined) return await next()
  const { pages, places } = gatehouseOf(ctx)
  pages.leave(ctx, localPath(queryText(ctx, 'next')) ?? places.home)
}

/**
 * Requires that the user entered the password or used a passkey within `lifetimes.recent` (10 minutes by default), and asks for it
 * otherwise. A submitted form comes back filled in, without passwords, and is not processed (see `typedOf`).
 */
export const requireRecentLogin: Middleware = (ctx, next) =>
  requireUser(ctx, async () => {
    if (isRecentLogin(ctx)) return await next()
    const { pages, url } = gatehouseOf(ctx)
    if (isRead(ctx)) return pages.leave(ctx, pathWithNext(url(passwordConfirm.name), pageRequested(ctx)))
    await ask(ctx, ASK_PASSWORD)
  })

/** Like `requireRecentLogin`. With two-step verification also requires a code, or a passkey that checked its user, in that time. */
export const requireRecentSecond: Middleware = (ctx, next) =>
  requireRecentLogin(ctx, async () => {
    if (isRecentSecond(ctx)) return await next()
    const { pages, url } = gatehouseOf(ctx)
    if (!isRead(ctx)) return await ask(ctx, ASK_CODE)
    const page = pathWithNext(url(passwordConfirm.name), pageRequested(ctx))
    pages.leave(ctx, `${page}${page.includes('?') ? '&' : '?'}asks=${CODE}`)
  })

// Otherwise a thief of a session could enter their own address and take over the account by email.
export const requireRecentIfUser: Middleware = (ctx, next) =>
  userOf(ctx) === undefined ? next() : requireRecentSecond(ctx, next)

/** For forms that ask for the password themselves. With two-step verification requires all steps of a login (ASVS 5 7.5.1). */
export const requireRecentIfTwoStep: Middleware = (ctx, next) =>
  hasSecondStep(ctx) ? requireRecentSecond(ctx, next) : requireUser(ctx, next)

export function pathWithNext(path: string, next: string | undefined): string {
  const place = localPath(next)
  if (place === undefined) return path
  return `${path}${path.includes('?') ? '&' : '?'}${new URLSearchParams({ next: place })}`
}
