import type Router from '@koa/router'
import type { Context } from 'koa'
import { currentPasswordErrors } from '../../accounts/authentication.js'
import * as fields from '../../accounts/fields.js'
import { onPassword, withinHintLimit } from '../../accounts/hints.js'
import { hasPasskeys, resetPassword, TO_PASSKEYS } from '../../accounts/password.js'
import * as users from '../../tables/users.js'
import { type Gatehouse, gatehouseOf, loginAs } from '../../visitor/gatehouse.js'
import { rememberDevice } from '../../visitor/known-devices.js'
import {
  fingerprintForLink,
  finishLink,
  forgetLink,
  forgetResetRequest,
  isLive,
  type Link,
  type LiveLink,
  linkOf,
  linkSubject,
  openLink,
  refuseLink,
  resetRequestOf,
} from '../../visitor/links.js'
import { isLoginAfter } from '../../visitor/login-after.js'
import { advance, type LoginState } from '../../visitor/login-steps.js'
import { originOf } from '../../visitor/origin.js'
import { welcome } from '../../visitor/welcome.js'
import type { FieldError, Form, Hint } from '../../web/form.js'
import type { Notice } from '../../web/notices.js'
import { fingerprint, onSubmit, onTyping, type Sent } from '../../web/submit.js'
import { CODE_RIGHT, openByCode, PURPOSE } from './reset/code.js'

export const name = 'password/reset'
export const needs = 'mail'
export const requires = ['password/forgot']

type FieldName = 'code' | 'password' | 'repassword'

const form: Form<FieldName> = {
  name,
  fields: ['code', 'password', 'repassword'],
  secret: ['password', 'repassword'],
  hinted: ['password'],
  about: [linkSubject(PURPOSE), { id: resetRequestOf, name: async (ctx) => resetRequestOf(ctx) }],
  around: shown,
}

export const RESET = {
  code: 'password_reset_done',
  sentence: 'Your password has been changed, and you are logged out everywhere. Log in with the new one.',
}
const RESET_WITH_PASSKEYS = {
  code: 'password_reset_passkeys',
  sentence:
    'Your password has been changed, and you are logged out everywhere. Log in with the new one. Your passkeys still work. Remove those that you do not recognize.',
}
const RESET_LOGGED_IN = {
  code: 'password_reset_logged_in',
  sentence: 'Your password has been changed. You are logged in here, and logged out everywhere else.',
}
const RESET_WAITING = {
  code: 'password_reset_waiting',
  sentence: 'Your password has been changed, and you are logged out everywhere. One more step logs you in.',
}
const PASSKEYS = {
  code: 'password_reset_passkeys_stay',
  sentence: 'Your passkeys still work. Remove those that you do not recognize.',
}
const RESET_BEFORE = {
  code: 'password_reset_before',
  sentence: 'Your password has already been changed. Log in with the new one.',
}
export const LOG_IN = { code: 'log_in', sentence: 'Log in' }
const ASK_AGAIN = { code: 'password_reset_again', sentence: 'Get another email' }

export function routes(router: Router, gatehouse: Gatehouse): void {
  router.get('/password/reset/', async (ctx) => {
    const link = await linkOf(ctx, gatehouse, PURPOSE)
    if (link !== undefined && !isLive(link)) return await showUnusable(ctx, gatehouse, link)
    if (link === undefined && resetRequestOf(ctx) === undefined) {
      return gatehouse.pages.leave(ctx, gatehouse.url('password/forgot'))
    }
    await gatehouse.pages.form(ctx, form)
  })

  router.post(
    '/password/reset/hints/',
    onTyping(form, gatehouse, async (ctx, values) => {
      const link = await linkOf(ctx, gatehouse, PURPOSE)
      const account = isLive(link) ? await accountBehind(gatehouse, link) : undefined
      return account === undefined ? [] : await hintsFor(ctx, gatehouse, account, values)
    }),
  )

  router.post(
    '/password/reset/verify/',
    onSubmit(form, gatehouse, (ctx, values) => choose(ctx, gatehouse, values)),
  )

  router.get('/password/reset/link/:token/', (ctx) => openLink(ctx, gatehouse, PURPOSE, gatehouse.url(name)))
}

async function choose(ctx: Context, gatehouse: Gatehouse, values: Sent<FieldName>): Promise<void> {
  const link = await linkOfForm(ctx, gatehouse, values)
  // The first response may have been lost, and the login cookie with it.
  const done = link?.state === 'done' ? await accountBehind(gatehouse, link) : undefined
  if (done && isLoginAfter(ctx, gatehouse, 'reset', done.user))
    return await goOn(ctx, gatehouse, done.user, values)
  if (link !== undefined && !isLive(link)) return await showUnusable(ctx, gatehouse, link)
  if (link === undefined) return await enterCode(ctx, gatehouse, values)
  const account = await accountBehind(gatehouse, link)
  if (account === undefined) return await showUnusable(ctx, gatehouse, { state: 'unknown' })
  const errors = passwordErrors(gatehouse, account, values)
  if (errors.length > 0) return await gatehouse.pages.refuse(ctx, form, { errors, values })
  if (!(await reset(ctx, gatehouse, link, account, values))) {
    return await showUnusable(ctx, gatehouse, (await linkOfForm(ctx, gatehouse, values)) ?? link)
  }
  await goOn(ctx, gatehouse, account.user, values)
}

async function enterCode(ctx: Context, gatehouse: Gatehouse, values: Sent<FieldName>): Promise<void> {
  const asked = resetRequestOf(ctx)
  if (asked === undefined) return gatehouse.pages.leave(ctx, gatehouse.url('password/forgot'))
  const errors = await openByCode(ctx, gatehouse, { asked, values })
  if (errors.length > 0) return await gatehouse.pages.refuse(ctx, form, { errors, values })
  gatehouse.pages.leave(ctx, gatehouse.url(name), { message: CODE_RIGHT })
}

async function goOn(
  ctx: Context,
  gatehouse: Gatehouse,
  user: users.User,
  values: Sent<FieldName>,
): Promise<void> {
  const { pages, url } = gatehouse
  const keepsPasskeys = await hasPasskeys(gatehouse, user)
  const extra = keepsPasskeys ? passkeysStay(gatehouse) : undefined
  const login = await logIn(ctx, gatehouse, user, values)
  if (login?.state === 'begun') {
    const welcomed = { ...login, message: RESET_LOGGED_IN, extra, next: '', values }
    return await welcome(ctx, gatehouse, form, welcomed)
  }
  if (login?.state === 'waiting') {
    const notice = { message: RESET_WAITING, ...(extra && { extra }) }
    return await pages.accept(ctx, form, { notice, to: url(login.for), onward: LOG_IN, values })
  }
  await pages.accept(ctx, form, {
    notice: { message: keepsPasskeys ? RESET_WITH_PASSKEYS : RESET },
    to: loginAs(gatehouse, user),
    onward: LOG_IN,
    values,
  })
}

// Counts as a login with the new password, so a second step is still asked for. The page named the account and asked for its
// password, so nobody ends up in a stranger's account without noticing.
async function logIn(
  ctx: Context,
  gatehouse: Gatehouse,
  user: users.User,
  values: Sent<FieldName>,
): Promise<LoginState | undefined> {
  if (!isLoginAfter(ctx, gatehouse, 'reset', user)) return undefined
  const account = await users.byId(gatehouse.database.main, user.id)
  if (account === undefined) return undefined
  const form = fingerprint(ctx, gatehouse, values)
  return advance(ctx, gatehouse, { account, methods: ['password'], kept: false, next: '', form })
}

function passkeysStay({ url }: Gatehouse): Notice {
  return { message: PASSKEYS, link: { href: url('account/passkeys'), message: TO_PASSKEYS } }
}

function hintsFor(
  ctx: Context,
  gatehouse: Gatehouse,
  { user }: users.Account,
  { password }: Sent<FieldName>,
): Promise<Hint[]> {
  return withinHintLimit(originOf(ctx, gatehouse), gatehouse, async () =>
    onPassword(gatehouse, password, fields.ownTextsOf(user)),
  )
}

async function accountBehind({ database }: Gatehouse, { token }: Link): Promise<users.Account | undefined> {
  return token && users.byId(database.main, token.userId)
}

async function shown(ctx: Context): Promise<{ asks: 'code' | 'password'; name: string }> {
  const gatehouse = gatehouseOf(ctx)
  const link = await linkOf(ctx, gatehouse, PURPOSE)
  if (!link?.token) return { asks: 'code', name: '' }
  const account = await accountBehind(gatehouse, link)
  return { asks: 'password', name: account?.user.name ?? '' }
}

// Reports success to a repeated form only if it has the password that was set.
async function linkOfForm(
  ctx: Context,
  gatehouse: Gatehouse,
  values: Sent<FieldName>,
): Promise<Link | undefined> {
  const link = await linkOf(ctx, gatehouse, PURPOSE, values)
  if (link?.state !== 'done') return link
  const account = await accountBehind(gatehouse, link)
  const wrong =
    account === undefined ||
    (await currentPasswordErrors(originOf(ctx, gatehouse), gatehouse, account, values.password)).length > 0
  return wrong ? { state: 'used', token: link.token } : link
}

function passwordErrors(
  gatehouse: Gatehouse,
  { user }: users.Account,
  { password, repassword }: Sent<FieldName>,
): FieldError[] {
  return [
    ...fields.check(fields.newPassword(gatehouse.rules, fields.ownTextsOf(user)), password),
    ...fields.check(fields.repeated(password), repassword),
  ]
}

async function reset(
  ctx: Context,
  gatehouse: Gatehouse,
  { token }: LiveLink,
  { user }: users.Account,
  values: Sent<FieldName>,
): Promise<boolean> {
  const link = { ...token, usedForm: fingerprintForLink(ctx, gatehouse, token, values) }
  const { password } = values
  const outcome = await resetPassword(originOf(ctx, gatehouse), gatehouse, user, { password, link })
  if (outcome === undefined) return false
  finishLink(ctx, PURPOSE)
  rememberDevice(ctx, gatehouse, { userId: user.id, stamp: outcome.stamp })
  forgetResetRequest(ctx)
  return true
}

async function showUnusable(ctx: Context, gatehouse: Gatehouse, link: Link): Promise<void> {
  const account = await accountBehind(gatehouse, link)
  if (link.state === 'done' && account !== undefined) {
    return gatehouse.pages.leave(ctx, loginAs(gatehouse, account.user), { message: RESET_BEFORE })
  }
  forgetLink(ctx, PURPOSE)
  refuseLink(ctx, gatehouse, link, { href: gatehouse.url('password/forgot'), message: ASK_AGAIN })
}
