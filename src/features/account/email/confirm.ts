import type Router from '@koa/router'
import type { Context } from 'koa'
import { changeAddress, TAKEN_MEANWHILE } from '../../../accounts/email-address.js'
import type * as tokens from '../../../tables/tokens.js'
import * as users from '../../../tables/users.js'
import type { Gatehouse } from '../../../visitor/gatehouse.js'
import { userOf } from '../../../visitor/guards.js'
import {
  fingerprintForLink,
  finishLink,
  forgetLink,
  isLive,
  type Link,
  linkOf,
  linkSubject,
  openLink,
  refuseLink,
} from '../../../visitor/links.js'
import { accountOrLogin } from '../../../visitor/login-steps.js'
import { originOf } from '../../../visitor/origin.js'
import { proveAgain } from '../../../visitor/proofs.js'
import type { FieldError, Form } from '../../../web/form.js'
import { onSubmit, type Sent } from '../../../web/submit.js'
import { linkedAccount } from './linked-account.js'

const PURPOSE = 'email-change'

const form: Form<'password'> = {
  name: 'account/email/confirm',
  fields: ['password'],
  secret: ['password'],
  about: [linkSubject(PURPOSE)],
  around: (ctx) => linkedAccount(ctx, PURPOSE),
}

export const CHANGED = {
  code: 'email_changed',
  sentence: 'The email address of your account {name} is now {email}.',
}
export const GO_ON = { code: 'email_changed_go_on', sentence: 'Continue' }
const TO_ACCOUNT = { code: 'to_account', sentence: 'Go to your account' }

export function routes(router: Router, gatehouse: Gatehouse): void {
  router.get('/account/email/confirm/', (ctx) => show(ctx, gatehouse))
  router.post(
    '/account/email/confirm/verify/',
    onSubmit(form, gatehouse, (ctx, values) => change(ctx, gatehouse, values)),
  )
  router.get('/account/email/confirm/link/:token/', (ctx) =>
    openLink(ctx, gatehouse, PURPOSE, gatehouse.url(form.name)),
  )
}

async function show(ctx: Context, gatehouse: Gatehouse): Promise<void> {
  const link = await linkOf(ctx, gatehouse, PURPOSE)
  if (!isLive(link)) return await showUnusable(ctx, gatehouse, link)
  await gatehouse.pages.form(ctx, form)
}

async function change(ctx: Context, gatehouse: Gatehouse, values: Sent<'password'>): Promise<void> {
  const link = await linkOf(ctx, gatehouse, PURPOSE, values)
  if (!isLive(link)) return await showUnusable(ctx, gatehouse, link)
  const account = await users.byId(gatehouse.database.main, link.token.userId)
  const errors = await prove(ctx, gatehouse, account, values)
  if (errors.length > 0) return await gatehouse.pages.refuse(ctx, form, { errors, values })
  const outcome =
    account &&
    (await changeAddress(originOf(ctx, gatehouse), gatehouse, link.token, {
      user: account.user,
      form: fingerprintForLink(ctx, gatehouse, link.token, values),
    }))
  if (outcome === 'taken') {
    return await gatehouse.pages.refuse(ctx, form, { errors: [TAKEN_MEANWHILE], values })
  }
  if (account === undefined || outcome === undefined)
    return await showUnusable(ctx, gatehouse, await linkOf(ctx, gatehouse, PURPOSE, values))
  finishLink(ctx, PURPOSE)
  const { message, to } = changed(ctx, gatehouse, account.user, link.token)
  await gatehouse.pages.accept(ctx, form, { notice: { message }, to, onward: GO_ON, values: {} })
}

// The reader of a mistyped address must not take over the account.
async function prove(
  ctx: Context,
  gatehouse: Gatehouse,
  account: users.Account | undefined,
  given: { password: string },
): Promise<FieldError[]> {
  if (account === undefined || userOf(ctx)?.id === account.user.id) return []
  return proveAgain(ctx, gatehouse, account, given)
}

function changed(ctx: Context, gatehouse: Gatehouse, user: users.User, { email }: tokens.Token) {
  const message = { ...CHANGED, params: { name: user.name, email } }
  return { message, to: accountOrLogin(ctx, gatehouse, user) }
}

async function showUnusable(ctx: Context, gatehouse: Gatehouse, link: Link | undefined): Promise<void> {
  const account = link?.token && (await users.byId(gatehouse.database.main, link.token.userId))
  if (link?.state === 'done' && account !== undefined) {
    const { message, to } = changed(ctx, gatehouse, account.user, link.token)
    return gatehouse.pages.leave(ctx, to, { message })
  }
  forgetLink(ctx, PURPOSE)
  const onward = { href: gatehouse.url('account'), message: TO_ACCOUNT }
  refuseLink(ctx, gatehouse, link ?? { state: 'unknown' }, onward)
}
