import type Router from '@koa/router'
import type { Context } from 'koa'
import { cancelChange, requestEmailChange, sendChangeAgain } from '../../accounts/email-address.js'
import * as fields from '../../accounts/fields.js'
import { emailHints, onAcceptedEmail, onEmail } from '../../accounts/hints.js'
import * as users from '../../tables/users.js'
import type { FeatureLink } from '../../visitor/feature.js'
import { type Gatehouse, gatehouseOf } from '../../visitor/gatehouse.js'
import { requireRecentSecond } from '../../visitor/guards.js'
import { loginOf } from '../../visitor/logins.js'
import { originOf } from '../../visitor/origin.js'
import type { Form } from '../../web/form.js'
import type { Notice } from '../../web/notices.js'
import { fingerprint, onSubmit, onTyping, type Sent } from '../../web/submit.js'
import * as confirm from './email/confirm.js'
import * as undo from './email/undo.js'

export const name = 'account/email'
export const needs = 'mail'
export const requires = ['password/reset', 'email/confirm']
export const links: readonly FeatureLink[] = [
  {
    on: 'account',
    group: 'account',
    order: 20,
    title: { code: 'account_email_link', sentence: 'Change email address' },
    hint: { code: 'account_email_link_hint', sentence: 'Where we send emails about your account' },
  },
]

const form: Form<'email'> = { name, fields: ['email'], secret: [], hinted: ['email'], around: pending }
const sending: Form<never> = {
  name: 'account/email/send',
  fields: [],
  secret: [],
  oneButton: true,
  on: form,
}
const canceling: Form<never> = {
  name: 'account/email/cancel',
  fields: [],
  secret: [],
  oneButton: true,
  on: form,
}
export const ASKED = {
  code: 'email_asked',
  sentence:
    'An email to {email} is on its way. Open the link in it to finish the change. Until then, your account keeps its current address.',
}
const FIRST_ASKED = {
  code: 'email_first_asked',
  sentence: 'An email to {email} is on its way. Open the link in it to add the address to your account.',
}
const SENT = { code: 'email_change_sent', sentence: 'Another email to {email} is on its way.' }
const NOTHING_PENDING = { code: 'email_nothing_pending', sentence: 'There is no email change to confirm.' }
const CANCELED = {
  code: 'email_canceled',
  sentence: 'The change is canceled. Your email address stays the same.',
}
export function routes(router: Router, gatehouse: Gatehouse): void {
  router.get('/account/email/', requireRecentSecond, (ctx) => gatehouse.pages.form(ctx, form))
  router.post(
    '/account/email/hints/',
    onTyping(form, gatehouse, (ctx, values) => emailHints(originOf(ctx, gatehouse), gatehouse, values)),
  )
  router.post(
    '/account/email/verify/',
    requireRecentSecond,
    onSubmit(form, gatehouse, (ctx, values) => ask(ctx, gatehouse, values)),
  )
  pendingRoutes(router, gatehouse)
  confirm.routes(router, gatehouse)
  undo.routes(router, gatehouse)
}

async function ask(ctx: Context, gatehouse: Gatehouse, values: Sent<'email'>): Promise<void> {
  const email = fields.normalizeEmail(values.email)
  const { user } = loginOf(ctx)
  const errors = await requestEmailChange(originOf(ctx, gatehouse), gatehouse, user, {
    email,
    form: fingerprint(ctx, gatehouse, values, email),
  })
  if (errors.length > 0) {
    return await gatehouse.pages.refuse(ctx, form, { errors, hints: onEmail(email), values })
  }
  const message = { ...(user.email === null ? FIRST_ASKED : ASKED), params: { email } }
  await stay(ctx, gatehouse, { message, ...onAcceptedEmail(email, `${gatehouse.url(name)}#email`) })
}

function pendingRoutes(router: Router, gatehouse: Gatehouse): void {
  const toForm = (ctx: Context) => gatehouse.pages.leave(ctx, gatehouse.url(name))
  router.get('/account/email/send/', toForm)
  router.get('/account/email/cancel/', toForm)

  router.post(
    '/account/email/send/',
    requireRecentSecond,
    onSubmit(sending, gatehouse, async (ctx) => {
      const { nextEmail } = loginOf(ctx).user
      if (nextEmail === null) return await stay(ctx, gatehouse, { message: NOTHING_PENDING }, WITHOUT_BUTTON)
      await sendChangeAgain(originOf(ctx, gatehouse), gatehouse, loginOf(ctx).user, nextEmail)
      const message = { ...SENT, params: { email: nextEmail } }
      await stay(ctx, gatehouse, { message })
    }),
  )
  router.post(
    '/account/email/cancel/',
    requireRecentSecond,
    onSubmit(canceling, gatehouse, async (ctx) => {
      await cancelChange(originOf(ctx, gatehouse), gatehouse, loginOf(ctx).user)
      await stay(ctx, gatehouse, { message: CANCELED }, WITHOUT_BUTTON)
    }),
  )
}

async function pending(ctx: Context) {
  const { database } = gatehouseOf(ctx)
  const account = await users.byId(database.main, loginOf(ctx).user.id)
  const { email, emailConfirmedAt, nextEmail } = account?.user ?? loginOf(ctx).user
  return { email, isConfirmed: emailConfirmedAt !== null, nextEmail }
}

// The pressed button is gone, so the focus moves to the addresses.
const WITHOUT_BUTTON = { focus: 'present' }

async function stay(
  ctx: Context,
  gatehouse: Gatehouse,
  notice: Notice,
  values: { focus?: string } = {},
): Promise<void> {
  await gatehouse.pages.accept(ctx, form, { notice, to: gatehouse.url(name), values })
}
