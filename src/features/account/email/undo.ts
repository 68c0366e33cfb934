import type Router from '@koa/router'
import type { Context } from 'koa'
import { restoreAddress, TAKEN_MEANWHILE } from '../../../accounts/email-address.js'
import type * as tokens from '../../../tables/tokens.js'
import * as users from '../../../tables/users.js'
import type { Gatehouse } from '../../../visitor/gatehouse.js'
import {
  fingerprintForLink,
  finishLink,
  forgetLink,
  isLive,
  keepResetRequest,
  type Link,
  linkOf,
  linkSubject,
  openLink,
  refuseLink,
} from '../../../visitor/links.js'
import { originOf } from '../../../visitor/origin.js'
import type { Form } from '../../../web/form.js'
import { onSubmit, type Sent } from '../../../web/submit.js'
import { linkedAccount } from './linked-account.js'

const PURPOSE = 'email-undo'

const form: Form<never> = {
  name: 'account/email/undo',
  fields: [],
  secret: [],
  oneButton: true,
  about: [linkSubject(PURPOSE)],
  around: (ctx) => linkedAccount(ctx, PURPOSE),
}

const RESTORED = {
  code: 'email_restored',
  sentence:
    'Your email address is {email} again, and all devices are logged out. An email to choose a new password is on its way.',
}
// If it is too late to undo, a new password still locks out a thief.
const NEW_PASSWORD = { code: 'to_new_password', sentence: 'Choose a new password' }

export function routes(router: Router, gatehouse: Gatehouse): void {
  router.get('/account/email/undo/', (ctx) => show(ctx, gatehouse))
  router.post(
    '/account/email/undo/',
    onSubmit(form, gatehouse, (ctx, values) => undo(ctx, gatehouse, values)),
  )
  router.get('/account/email/undo/:token/', (ctx) =>
    openLink(ctx, gatehouse, PURPOSE, gatehouse.url(form.name)),
  )
}

async function show(ctx: Context, gatehouse: Gatehouse): Promise<void> {
  const link = await linkOf(ctx, gatehouse, PURPOSE)
  if (!isLive(link)) return await showUnusable(ctx, gatehouse, link)
  await gatehouse.pages.form(ctx, form)
}

async function undo(ctx: Context, gatehouse: Gatehouse, values: Sent<never>): Promise<void> {
  const link = await linkOf(ctx, gatehouse, PURPOSE, values)
  if (!isLive(link)) return await showUnusable(ctx, gatehouse, link)
  const outcome = await restoreAddress(originOf(ctx, gatehouse), gatehouse, {
    ...link.token,
    usedForm: fingerprintForLink(ctx, gatehouse, link.token, values),
  })
  if (outcome === 'taken') {
    return await gatehouse.pages.refuse(ctx, form, { errors: [TAKEN_MEANWHILE], values })
  }
  if (outcome === undefined)
    return await showUnusable(ctx, gatehouse, await linkOf(ctx, gatehouse, PURPOSE, values))
  finishLink(ctx, PURPOSE)
  forgetLink(ctx, 'password-reset')
  keepResetRequest(ctx, outcome.name)
  leaveRestored(ctx, gatehouse, link.token)
}

function leaveRestored(ctx: Context, { pages, url }: Gatehouse, { email }: tokens.Token): void {
  pages.leave(ctx, url('password/reset'), { message: { ...RESTORED, params: { email } } })
}

async function showUnusable(ctx: Context, gatehouse: Gatehouse, link: Link | undefined): Promise<void> {
  if (link?.state === 'done') {
    const restored = await users.byId(gatehouse.database.main, link.token.userId)
    if (restored !== undefined) keepResetRequest(ctx, restored.user.name)
    return leaveRestored(ctx, gatehouse, link.token)
  }
  forgetLink(ctx, PURPOSE)
  const onward = { href: gatehouse.url('password/forgot'), message: NEW_PASSWORD }
  refuseLink(ctx, gatehouse, link ?? { state: 'unknown' }, onward)
}
