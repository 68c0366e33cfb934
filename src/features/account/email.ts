import type Router from '@koa/router'
import type { Context } from 'koa'
import {
  askForAddress,
  cancelChange,
  changeAddress,
  restoreAddress,
  sendChangeAgain,
  TAKEN_MEANWHILE,
} from '../../accounts/email-address.js'
import * as fields from '../../accounts/fields.js'
import { adviseOnEmail, onAcceptedEmail, onEmail } from '../../accounts/hints.js'
import type * as tokens from '../../tables/tokens.js'
import * as users from '../../tables/users.js'
import type { FeatureLink } from '../../visitor/feature.js'
import { type Gatehouse, gatehouseOf } from '../../visitor/gatehouse.js'
import { requireRecentLogin, userOf } from '../../visitor/guards.js'
import {
  behindLink,
  finishLink,
  forgetLink,
  formOf,
  isLive,
  keepResetRequest,
  type Link,
  linkOf,
  openLink,
  refuseLink,
} from '../../visitor/links.js'
import { placeOf } from '../../visitor/login-steps.js'
import { loginOf } from '../../visitor/logins.js'
import { originOf } from '../../visitor/origin.js'
import { proveAgain } from '../../visitor/proofs.js'
import type { Broken, Form } from '../../web/form.js'
import type { Notice } from '../../web/notices.js'
import { fingerprint, onSubmit, onTyping } from '../../web/submit.js'

export const name = 'account/email'
export const needs = 'mail'
export const requires = ['password/reset', 'email/confirm']
export const links: readonly FeatureLink[] = [
  {
    on: 'account',
    order: 20,
    title: { code: 'account_email_link', sentence: 'Change e-mail' },
    hint: { code: 'account_email_link_hint', sentence: 'Where mails about your account go' },
  },
]

const form: Form<'email'> = { name, fields: ['email'], secret: [], advised: ['email'], around: pending }
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
const confirming: Form<'password'> = {
  name: 'account/email/confirm',
  fields: ['password'],
  secret: ['password'],
  about: [behindLink('email-change')],
  around: (ctx) => behind(ctx, 'email-change'),
}
const undoing: Form<never> = {
  name: 'account/email/undo',
  fields: [],
  secret: [],
  oneButton: true,
  about: [behindLink('email-undo')],
  around: (ctx) => behind(ctx, 'email-undo'),
}

export const ASKED = {
  code: 'email_asked',
  sentence:
    'A mail to {email} is on its way. Follow its link; until then your account keeps its present address.',
}
const SENT = { code: 'email_change_sent', sentence: 'Another mail to {email} is on its way.' }
const NOTHING_PENDING = { code: 'email_nothing_pending', sentence: 'No change of your address is under way.' }
const CANCELED = { code: 'email_canceled', sentence: 'Your address stays as it is.' }
export const CHANGED = {
  code: 'email_changed',
  sentence: 'The address of your account {name} is now {email}.',
}
const RESTORED = {
  code: 'email_restored',
  sentence:
    'The address is {email} again, and everybody is logged out. Choose a new password: a mail is on its way.',
}
export const GO_ON = { code: 'email_changed_go_on', sentence: 'Go on' }
// An undo removes the password. If it is too late to undo, a new password locks out the thief.
const NEW_PASSWORD = { code: 'to_new_password', sentence: 'Choose a new password' }
const TO_ACCOUNT = { code: 'to_account', sentence: 'Go to your account' }

export function routes(router: Router, gatehouse: Gatehouse): void {
  router.get('/account/email/', requireRecentLogin, (ctx) => gatehouse.pages.form(ctx, form))

  router.post(
    '/account/email/advice/',
    onTyping(form, gatehouse, (ctx, values) => adviseOnEmail(originOf(ctx, gatehouse), gatehouse, values)),
  )

  router.post(
    '/account/email/verify/',
    requireRecentLogin,
    onSubmit(form, gatehouse, async (ctx, values) => {
      const email = fields.normalizeEmail(values.email)
      const errors = await askForAddress(originOf(ctx, gatehouse), gatehouse, loginOf(ctx).user, {
        email,
        form: fingerprint(ctx, gatehouse, values, email),
      })
      if (errors.length > 0) {
        return await gatehouse.pages.refuse(ctx, form, { errors, advice: onEmail(email), values })
      }
      const message = { ...ASKED, params: { email } }
      await stay(ctx, gatehouse, { message, ...onAcceptedEmail(email, `${gatehouse.url(name)}#email`) })
    }),
  )

  // A refused form is shown under these URLs, so a reload has to work.
  const toForm = (ctx: Context) => gatehouse.pages.leave(ctx, gatehouse.url(name))
  router.get('/account/email/send/', toForm)
  router.get('/account/email/cancel/', toForm)

  router.post(
    '/account/email/send/',
    requireRecentLogin,
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
    requireRecentLogin,
    onSubmit(canceling, gatehouse, async (ctx) => {
      await cancelChange(originOf(ctx, gatehouse), gatehouse, loginOf(ctx).user)
      await stay(ctx, gatehouse, { message: CANCELED }, WITHOUT_BUTTON)
    }),
  )

  router.get('/account/email/confirm/', (ctx) => showLink(ctx, gatehouse, confirming, 'email-change'))

  router.post(
    '/account/email/confirm/verify/',
    onSubmit(confirming, gatehouse, async (ctx, values) => {
      const link = await linkOf(ctx, gatehouse, 'email-change', values)
      if (!isLive(link)) return await dead(ctx, gatehouse, 'email-change', link)
      const account = await users.byId(gatehouse.database.main, link.token.userId)
      const errors = await prove(ctx, gatehouse, account, values)
      if (errors.length > 0) return await gatehouse.pages.refuse(ctx, confirming, { errors, values })
      const outcome =
        account &&
        (await changeAddress(originOf(ctx, gatehouse), gatehouse, link.token, {
          user: account.user,
          form: formOf(ctx, gatehouse, link.token, values),
        }))
      if (outcome === 'taken') {
        return await gatehouse.pages.refuse(ctx, confirming, { errors: [TAKEN_MEANWHILE], values })
      }
      if (account === undefined || outcome === undefined)
        return await dead(
          ctx,
          gatehouse,
          'email-change',
          await linkOf(ctx, gatehouse, 'email-change', values),
        )
      finishLink(ctx, 'email-change')
      const { message, to } = changed(ctx, gatehouse, account.user, link.token)
      await gatehouse.pages.accept(ctx, confirming, { notice: { message }, to, onward: GO_ON, values: {} })
    }),
  )

  router.get('/account/email/undo/', (ctx) => showLink(ctx, gatehouse, undoing, 'email-undo'))

  router.post(
    '/account/email/undo/',
    onSubmit(undoing, gatehouse, async (ctx, values) => {
      const link = await linkOf(ctx, gatehouse, 'email-undo', values)
      if (!isLive(link)) return await dead(ctx, gatehouse, 'email-undo', link)
      const outcome = await restoreAddress(originOf(ctx, gatehouse), gatehouse, {
        ...link.token,
        usedForm: formOf(ctx, gatehouse, link.token, values),
      })
      if (outcome === 'taken') {
        return await gatehouse.pages.refuse(ctx, undoing, { errors: [TAKEN_MEANWHILE], values })
      }
      if (outcome === undefined)
        return await dead(ctx, gatehouse, 'email-undo', await linkOf(ctx, gatehouse, 'email-undo', values))
      finishLink(ctx, 'email-undo')
      forgetLink(ctx, 'password-reset')
      keepResetRequest(ctx, outcome.name)
      const message = { ...RESTORED, params: { email: link.token.email } }
      gatehouse.pages.leave(ctx, gatehouse.url('password/reset'), { message })
    }),
  )

  const link = (purpose: tokens.Purpose, page: string) => (ctx: Context) =>
    openLink(ctx, gatehouse, purpose, gatehouse.url(page))
  router.get('/account/email/confirm/link/:token/', link('email-change', confirming.name))
  router.get('/account/email/undo/:token/', link('email-undo', undoing.name))
}

async function pending(ctx: Context) {
  const { database } = gatehouseOf(ctx)
  const account = await users.byId(database.main, loginOf(ctx).user.id)
  const { email, emailConfirmedAt, nextEmail } = account?.user ?? loginOf(ctx).user
  return { email, isConfirmed: emailConfirmedAt !== null, nextEmail }
}

// The pressed button is gone, so the focus moves to what has changed.
const WITHOUT_BUTTON = { focus: 'present' }

async function stay(
  ctx: Context,
  gatehouse: Gatehouse,
  notice: Notice,
  values: { focus?: string } = {},
): Promise<void> {
  await gatehouse.pages.accept(ctx, form, { notice, to: gatehouse.url(name), values })
}

async function showLink(
  ctx: Context,
  gatehouse: Gatehouse,
  page: Form,
  purpose: tokens.Purpose,
): Promise<void> {
  const link = await linkOf(ctx, gatehouse, purpose)
  if (!isLive(link)) return await dead(ctx, gatehouse, purpose, link)
  await gatehouse.pages.form(ctx, page)
}

async function behind(ctx: Context, purpose: tokens.Purpose) {
  const gatehouse = gatehouseOf(ctx)
  const link = await linkOf(ctx, gatehouse, purpose)
  const account = link?.token && (await users.byId(gatehouse.database.main, link.token.userId))
  const isOwn = userOf(ctx)?.id === account?.user.id
  return {
    name: account?.user.name ?? '',
    email: link?.token?.email ?? '',
    // The reader of a mistyped address must not learn the current one.
    present: isOwn ? (account?.user.email ?? '') : '',
    asksPassword: !isOwn,
  }
}

// The reader of a mistyped address must not take over the account.
async function prove(
  ctx: Context,
  gatehouse: Gatehouse,
  account: users.Account | undefined,
  given: { password: string },
): Promise<Broken[]> {
  if (account === undefined || userOf(ctx)?.id === account.user.id) return []
  return proveAgain(ctx, gatehouse, account, given)
}

function changed(ctx: Context, gatehouse: Gatehouse, user: users.User, { email }: tokens.Token) {
  const message = { ...CHANGED, params: { name: user.name, email } }
  return { message, to: placeOf(ctx, gatehouse, user) }
}

async function dead(
  ctx: Context,
  gatehouse: Gatehouse,
  purpose: tokens.Purpose,
  link: Link | undefined,
): Promise<void> {
  const { url, pages } = gatehouse
  if (link?.state === 'done' && purpose === 'email-undo') {
    const restored = await users.byId(gatehouse.database.main, link.token.userId)
    if (restored !== undefined) keepResetRequest(ctx, restored.user.name)
    const message = { ...RESTORED, params: { email: link.token.email } }
    return pages.leave(ctx, url('password/reset'), { message })
  }
  const account = link?.token && (await users.byId(gatehouse.database.main, link.token.userId))
  if (link?.state === 'done' && account !== undefined) {
    const { message, to } = changed(ctx, gatehouse, account.user, link.token)
    return pages.leave(ctx, to, { message })
  }
  forgetLink(ctx, purpose)
  const onward =
    purpose === 'email-undo'
      ? { href: url('password/forgot'), message: NEW_PASSWORD }
      : { href: url('account'), message: TO_ACCOUNT }
  refuseLink(ctx, gatehouse, link ?? { state: 'unknown' }, onward)
}
