import type Router from '@koa/router'
import type { Context, Middleware } from 'koa'
import { authenticate, NO_PASSWORD } from '../accounts/authentication.js'
import { fold } from '../accounts/fields.js'
import { renewHash } from '../accounts/password.js'
import { logSecurity } from '../accounts/security-log.js'
import type { Account, User } from '../tables/users.js'
import type { FeatureLink } from '../visitor/feature.js'
import { type Gatehouse, gatehouseOf } from '../visitor/gatehouse.js'
import { CONFIRM, requireAnonymous, userOf } from '../visitor/guards.js'
import { advance, halfLoginOf } from '../visitor/login-steps.js'
import { originOf } from '../visitor/origin.js'
import { loginCeremony } from '../visitor/passkeys.js'
import { welcome } from '../visitor/welcome.js'
import type { FieldError, Form, Values } from '../web/form.js'
import { queryText } from '../web/http.js'
import { localPath } from '../web/local-path.js'
import { fingerprint, onSubmit, type Sent } from '../web/submit.js'

export const name = 'login'
export const links: readonly FeatureLink[] = [
  { on: 'header', order: 10, title: { code: 'log_in', sentence: 'Log in' } },
]

type FieldName = 'username' | 'password' | 'keep' | 'next'

export const form: Form<FieldName> = {
  name,
  fields: ['username', 'password', 'keep', 'next'],
  secret: ['password'],
  about: 'what is typed',
  around: async (ctx) => ({ passkey: loginCeremony(ctx, gatehouseOf(ctx)) }),
}

export const NO_USERNAME = {
  field: 'username',
  code: 'login_name_missing',
  sentence: 'Enter your username or email address.',
}
export const NO_NAME = { field: 'username', code: 'login_username_missing', sentence: 'Enter your username.' }
const UNCONFIRMED = {
  code: 'login_unconfirmed',
  sentence: 'Your password is correct, but your email address is not confirmed yet.',
}
export const CHANGED_MEANWHILE = {
  code: 'login_changed_meanwhile',
  sentence: 'Your account was just changed, in another tab or on another device. Log in again.',
}

export function routes(router: Router, gatehouse: Gatehouse): void {
  router.get('/login/', requireAnonymousUnlessOther, (ctx) =>
    gatehouse.pages.form(ctx, form, prefilled(ctx, gatehouse)),
  )

  router.post(
    '/login/verify/',
    onSubmit(form, gatehouse, async (ctx, values) => {
      const missing = missingFields(gatehouse, values)
      if (missing.length > 0) return await gatehouse.pages.refuse(ctx, form, { errors: missing, values })

      const outcome = await authenticate(originOf(ctx, gatehouse), gatehouse, values)
      if (!outcome.ok) return await gatehouse.pages.refuse(ctx, form, { errors: [outcome.error], values })
      await logIn(ctx, gatehouse, outcome.account, values)
    }),
  )
}

async function logIn(
  ctx: Context,
  gatehouse: Gatehouse,
  account: Account,
  values: Sent<FieldName>,
): Promise<void> {
  const { password, keep, next } = values
  const login = await advance(ctx, gatehouse, {
    account,
    methods: ['password'],
    kept: keep !== '',
    next,
    form: fingerprint(ctx, gatehouse, values),
  })
  if (login.state === 'changed') {
    return await gatehouse.pages.refuse(ctx, form, { errors: [CHANGED_MEANWHILE], values })
  }
  if (login.state === 'waiting' && login.for !== 'login/two-step') {
    return await leadToConfirm(ctx, gatehouse, { form, error: UNCONFIRMED, user: account.user, values })
  }
  await renewHash(gatehouse, account, password)
  if (login.state === 'begun') {
    return await welcome(ctx, gatehouse, form, { ...login, next, values })
  }
  gatehouse.countLogin('second')
  gatehouse.pages.leave(ctx, gatehouse.url(login.for))
}

// An emailed link of another account leads here, also while another user is logged in.
const requireAnonymousUnlessOther: Middleware = (ctx, next) => {
  const user = userOf(ctx)
  const username = queryText(ctx, 'username')
  const isOther = user !== undefined && username !== undefined && fold(username) !== fold(user.name)
  return isOther ? next() : requireAnonymous(ctx, next)
}

// Restores the choices of a login that waits for its email address to be confirmed.
function prefilled(ctx: Context, gatehouse: Gatehouse): Partial<Sent<FieldName>> {
  const username = queryText(ctx, 'username')
  const half = halfLoginOf(ctx, gatehouse)
  return {
    ...(username !== undefined && { username }),
    ...(half?.kept && { keep: '1' }),
    next: localPath(queryText(ctx, 'next')) ?? localPath(half?.next) ?? '',
  }
}

function missingFields({ rules }: Gatehouse, { username, password }: Sent<FieldName>): FieldError[] {
  const noName = rules.emails === 'none' ? NO_NAME : NO_USERNAME
  return [...(username.trim() === '' ? [noName] : []), ...(password === '' ? [NO_PASSWORD] : [])]
}

interface Unconfirmed {
  form: Form
  error: FieldError
  user: User
  values: Partial<Values>
}

/** The first step was passed, so the user may get another email or correct the address. */
export async function leadToConfirm(
  ctx: Context,
  gatehouse: Gatehouse,
  { form, error, user, values }: Unconfirmed,
): Promise<void> {
  gatehouse.countLogin('unconfirmed')
  const line = { event: 'login_failed', reason: 'email_unconfirmed', user: user.id }
  logSecurity(originOf(ctx, gatehouse), gatehouse, line)
  const link = { href: gatehouse.url('email/confirm'), message: CONFIRM }
  await gatehouse.pages.refuse(ctx, form, { errors: [{ ...error, link }], values })
}
