import type Router from '@koa/router'
import type { Context } from 'koa'
import { changeAddress, restoreAddress } from '../addresses.js'
import { countedFor, countMail } from '../asking.js'
import { checkPassword, NO_PASSWORD, PASSWORD_WRONG } from '../authentication.js'
import { happens } from '../events.js'
import * as fields from '../fields.js'
import { requireRecentLogin, userOf } from '../guards.js'
import { type House, houseOf } from '../house.js'
import { finishLink, forgetLink, isLive, type Link, linkOf, openLink, refuseLink } from '../links.js'
import { keepAsked } from '../resets.js'
import { loginOf, lookAnew } from '../sessions.js'
import * as tokens from '../tables/tokens.js'
import * as users from '../tables/users.js'
import type { Broken, Form, Message } from '../web/form.js'
import { onSubmit } from '../web/submit.js'

export const name = 'account-email'
export const needs = 'mail'

const form: Form<'email'> = { name, fields: ['email'], secret: [], around: pending }
const sending: Form<never> = {
  name: 'account-email/send',
  fields: [],
  secret: [],
  oneButton: true,
  on: form,
}
const canceling: Form<never> = {
  name: 'account-email/cancel',
  fields: [],
  secret: [],
  oneButton: true,
  on: form,
}
/** Behind the link in the mail to the new address. */
const confirming: Form<'password'> = {
  name: 'account-email/confirm',
  fields: ['password'],
  secret: ['password'],
  around: (ctx) => behind(ctx, 'email-change'),
}
/** Behind the link in the mail to the former address. */
const undoing: Form<never> = {
  name: 'account-email/undo',
  fields: [],
  secret: [],
  oneButton: true,
  around: (ctx) => behind(ctx, 'email-undo'),
}

const SAME: Broken = { field: 'email', code: 'email_same', sentence: 'This is your address already.' }
const ASKED = {
  code: 'email_asked',
  sentence:
    'A mail to {email} is on its way. Follow its link; until then your account keeps its present address.',
}
const SENT = { code: 'email_change_sent', sentence: 'Another mail to {email} is on its way.' }
const NOTHING_PENDING = { code: 'email_nothing_pending', sentence: 'No change of your address is under way.' }
const CANCELED = { code: 'email_canceled', sentence: 'Your address stays as it is.' }
const CHANGED = { code: 'email_changed', sentence: 'The address of your account is now {email}.' }
const RESTORED = {
  code: 'email_restored',
  sentence:
    'The address is {email} again, and everybody is logged out. Choose a new password: a mail is on its way.',
}
const GO_ON = { code: 'email_changed_go_on', sentence: 'Go on' }
const TO_ACCOUNT = { code: 'to_account', sentence: 'Go to your account' }

export function routes(router: Router, house: House): void {
  router.get('/account/email/', requireRecentLogin, (ctx) => house.pages.form(ctx, form))

  router.post(
    '/account/email/verify/',
    requireRecentLogin,
    onSubmit(form, house, async (ctx, values) => {
      const email = fields.normalizeEmail(values.email)
      const errors = await ask(ctx, house, email)
      if (errors.length > 0) return await house.pages.refuse(ctx, form, { errors, values })
      await stay(ctx, house, { ...ASKED, params: { email } })
    }),
  )

  // Where the page of a button stands: opened anew, it is the form.
  const toForm = (ctx: Context) => house.pages.leave(ctx, house.url(name))
  router.get('/account/email/send/', toForm)
  router.get('/account/email/cancel/', toForm)

  router.post(
    '/account/email/send/',
    requireRecentLogin,
    onSubmit(sending, house, async (ctx) => {
      const { nextEmail } = loginOf(ctx).user
      if (nextEmail === null) return await stay(ctx, house, NOTHING_PENDING)
      await sendAgain(ctx, house, nextEmail)
      await stay(ctx, house, { ...SENT, params: { email: nextEmail } })
    }),
  )

  router.post(
    '/account/email/cancel/',
    requireRecentLogin,
    onSubmit(canceling, house, async (ctx) => {
      await cancel(ctx, house)
      await stay(ctx, house, CANCELED)
    }),
  )

  router.get('/account/email/confirm/', (ctx) => showLink(ctx, house, confirming, 'email-change'))

  router.post(
    '/account/email/confirm/verify/',
    onSubmit(confirming, house, async (ctx, values) => {
      const link = await linkOf(ctx, house, 'email-change')
      if (!isLive(link)) return dead(ctx, house, 'email-change', link)
      const account = await users.byId(house.database.main, link.token.userId)
      const errors = await prove(ctx, house, account, values)
      if (errors.length > 0) return await house.pages.refuse(ctx, confirming, { errors, values })
      const outcome = account && (await changeAddress(ctx, house, link.token, account.user))
      if (outcome === 'taken') {
        return await house.pages.refuse(ctx, confirming, { errors: [fields.EMAIL_TAKEN], values })
      }
      if (outcome === undefined)
        return dead(ctx, house, 'email-change', await linkOf(ctx, house, 'email-change'))
      finishLink(ctx, 'email-change')
      lookAnew(ctx)
      const notice = { message: { ...CHANGED, params: { email: link.token.email } } }
      const to = userOf(ctx) === undefined ? house.places.home : house.url('account')
      await house.pages.accept(ctx, confirming, { notice, to, onward: GO_ON, values: {} })
    }),
  )

  router.get('/account/email/undo/', (ctx) => showLink(ctx, house, undoing, 'email-undo'))

  router.post(
    '/account/email/undo/',
    onSubmit(undoing, house, async (ctx, values) => {
      const link = await linkOf(ctx, house, 'email-undo')
      if (!isLive(link)) return dead(ctx, house, 'email-undo', link)
      const outcome = await restoreAddress(ctx, house, link.token)
      if (outcome === 'taken') {
        return await house.pages.refuse(ctx, undoing, { errors: [fields.EMAIL_TAKEN], values })
      }
      if (outcome === undefined) return dead(ctx, house, 'email-undo', await linkOf(ctx, house, 'email-undo'))
      finishLink(ctx, 'email-undo')
      forgetLink(ctx, 'password-reset')
      keepAsked(ctx, outcome.name)
      const message = { ...RESTORED, params: { email: link.token.email } }
      house.pages.leave(ctx, house.url('password-reset'), { message })
    }),
  )

  const link = (purpose: tokens.Purpose, page: string) => (ctx: Context) =>
    openLink(ctx, house, purpose, house.url(page))
  router.get('/account/email/confirm/link/:token/', link('email-change', confirming.name))
  router.get('/account/email/undo/:token/', link('email-undo', undoing.name))
}

/** What stands beside the form: the address as it is, and which one is to follow. */
async function pending(ctx: Context) {
  const { database } = houseOf(ctx)
  const account = await users.byId(database.main, loginOf(ctx).user.id)
  const { email, emailConfirmedAt, nextEmail } = account?.user ?? loginOf(ctx).user
  return { email, isConfirmed: emailConfirmedAt !== null, nextEmail }
}

async function stay(ctx: Context, house: House, message: Message): Promise<void> {
  lookAnew(ctx)
  await house.pages.accept(ctx, form, { notice: { message }, to: house.url(name), values: {} })
}

/** Notes the new address, apart from the one that counts, and sends it a mail; answers what is wrong with it. */
async function ask(ctx: Context, house: House, email: string): Promise<Broken[]> {
  const { user } = loginOf(ctx)
  const errors = await objections(house, user, email)
  if (errors.length > 0) return errors
  await countMail(ctx, house, { kind: 'email-change', userId: user.id, address: email })
  const now = house.now()
  await happens(ctx, house, { kind: 'email_asked', userId: user.id, about: email }, async (transaction) => {
    await users.setNextEmail(transaction, user.id, { nextEmail: email, now })
    await tokens.revoke(transaction, user.id, ['email-change'])
    await house.outbox.post(transaction, { kind: 'email-change', userId: user.id, facts: { email } })
    return true
  })
  return []
}

async function objections(house: House, user: users.User, email: string): Promise<Broken[]> {
  const errors = fields.check(fields.email, email)
  if (errors.length > 0) return errors
  if (email === user.email) return [SAME]
  if (house.rules.privateEmails) return []
  const taken = { now: house.now(), userId: user.id }
  const isUsed = await users.isEmailTaken(house.database.main, fields.fold(email), taken)
  return isUsed ? [fields.EMAIL_TAKEN] : []
}

async function sendAgain(ctx: Context, house: House, email: string): Promise<void> {
  const { user } = loginOf(ctx)
  await house.limits.take([
    { rule: 'mailPause', of: `${name} ${user.id}` },
    ...countedFor(ctx, house, { kind: 'email-change', userId: user.id, address: email }),
  ])
  await house.database.write((transaction) =>
    house.outbox.post(transaction, { kind: 'email-change', userId: user.id, facts: { email } }),
  )
}

async function cancel(ctx: Context, house: House): Promise<void> {
  const { user } = loginOf(ctx)
  const { nextEmail } = user
  if (nextEmail === null) return
  await happens(
    ctx,
    house,
    { kind: 'email_canceled', userId: user.id, about: nextEmail },
    async (transaction) => {
      await tokens.revoke(transaction, user.id, ['email-change'])
      return (
        (await users.setNextEmail(transaction, user.id, { nextEmail: null, now: house.now() })) || undefined
      )
    },
  )
}

async function showLink(ctx: Context, house: House, page: Form, purpose: tokens.Purpose): Promise<void> {
  const link = await linkOf(ctx, house, purpose)
  if (!isLive(link)) return dead(ctx, house, purpose, link)
  await house.pages.form(ctx, page)
}

/** What the page of a link shows: whose account it is, which address, and whether the password has to be given. */
async function behind(ctx: Context, purpose: tokens.Purpose) {
  const house = houseOf(ctx)
  const link = await linkOf(ctx, house, purpose)
  const account = link?.token && (await users.byId(house.database.main, link.token.userId))
  const isOwn = userOf(ctx)?.id === account?.user.id
  return {
    name: account?.user.name ?? '',
    email: link?.token?.email ?? '',
    // Whoever reads the mails of an address that was mistyped must not learn the one that is not.
    present: isOwn ? (account?.user.email ?? '') : '',
    asksPassword: !isOwn,
  }
}

/** Whoever reads the mails of an address that was mistyped must not come to own the account by it. */
async function prove(
  ctx: Context,
  house: House,
  account: users.Account | undefined,
  { password }: { password: string },
): Promise<Broken[]> {
  if (account === undefined || userOf(ctx)?.id === account.user.id) return []
  if (password === '') return [NO_PASSWORD]
  const check = {
    name: fields.fold(account.user.name),
    account,
    password,
    failure: 'password_failed',
  } as const
  return (await checkPassword(ctx, house, check)) ? [] : [PASSWORD_WRONG]
}

function dead(ctx: Context, house: House, purpose: tokens.Purpose, link: Link | undefined): void {
  const { url, places } = house
  if (link?.state === 'done') {
    const message = purpose === 'email-undo' ? RESTORED : CHANGED
    const to = purpose === 'email-undo' ? url('password-reset') : userOf(ctx) ? url('account') : places.home
    return void house.pages.leave(ctx, to, { message: { ...message, params: { email: link.token.email } } })
  }
  forgetLink(ctx, purpose)
  refuseLink(ctx, house, link ?? { state: 'unknown' }, { href: url('account'), message: TO_ACCOUNT })
}
