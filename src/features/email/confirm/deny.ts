import type Router from '@koa/router'
import type { Context } from 'koa'
import { denyAccount } from '../../../accounts/closing.js'
import { hasErased } from '../../../accounts/erasing.js'
import { REOPEN_LIFE } from '../../../accounts/mail-kinds.js'
import type { Gatehouse } from '../../../visitor/gatehouse.js'
import {
  fingerprintForLink,
  fingerprintForOpened,
  finishLink,
  isLive,
  type Link,
  linkOf,
  linkSubject,
} from '../../../visitor/links.js'
import { originOf } from '../../../visitor/origin.js'
import type { Form } from '../../../web/form.js'
import { onSubmit, type Sent } from '../../../web/submit.js'
import { DENIAL, PURPOSE, shown, showUnusable } from './link.js'

const denying: Form<never> = {
  name: DENIAL,
  fields: [],
  secret: [],
  oneButton: true,
  about: [linkSubject(PURPOSE)],
  around: (ctx) => shownBeforeDenial(ctx),
}

const NOT_DELETED = {
  code: 'account_not_deleted',
  sentence:
    'The account cannot be deleted right now. Try again later. If it keeps happening, tell the people who run this site.',
}

export function routes(router: Router, gatehouse: Gatehouse): void {
  router.get('/email/confirm/deny/', (ctx) => showDenial(ctx, gatehouse))
  router.post(
    '/email/confirm/deny/',
    onSubmit(denying, gatehouse, (ctx, values) => deny(ctx, gatehouse, values)),
  )
}

async function showDenial(ctx: Context, gatehouse: Gatehouse): Promise<void> {
  const link = (await linkOf(ctx, gatehouse, PURPOSE)) ?? { state: 'unknown' }
  const { state } = link
  if (state === 'gone' || state === 'closed') {
    return gatehouse.pages.show(ctx, 'email/confirm/deny/done.html', { state, life: REOPEN_LIFE })
  }
  if (!isLive(link)) return await showUnusable(ctx, gatehouse, link)
  await gatehouse.pages.form(ctx, denying, {}, { around: await shownBeforeDenial(ctx, link) })
}

async function deny(ctx: Context, gatehouse: Gatehouse, values: Sent<never>): Promise<void> {
  const link = await linkOf(ctx, gatehouse, PURPOSE, values)
  if (!isLive(link)) return await deniedBefore(ctx, gatehouse, link ?? { state: 'unknown' }, values)
  const end = await denyAccount(originOf(ctx, gatehouse), gatehouse, {
    ...link.token,
    usedForm: fingerprintForLink(ctx, gatehouse, link.token, values),
  })
  if (end === 'kept') {
    return await gatehouse.pages.refuse(ctx, denying, { status: 503, errors: [NOT_DELETED], values })
  }
  if (end === undefined) {
    const ended = (await linkOf(ctx, gatehouse, PURPOSE, values)) ?? link
    return await deniedBefore(ctx, gatehouse, ended, values)
  }
  leaveDenied(ctx, gatehouse, end)
}

// The link may have confirmed the address in another tab. Only this form knows whether it deleted the account.
async function deniedBefore(
  ctx: Context,
  gatehouse: Gatehouse,
  link: Link,
  values: Sent<never>,
): Promise<void> {
  if (link.state === 'done' && link.token.usedForm !== null) return leaveDenied(ctx, gatehouse, 'closed')
  const form = link.state === 'unknown' ? fingerprintForOpened(ctx, gatehouse, PURPOSE, values) : undefined
  if (form !== undefined && (await hasErased(gatehouse, form))) return leaveDenied(ctx, gatehouse, 'gone')
  await showUnusable(ctx, gatehouse, link)
}

function leaveDenied(ctx: Context, gatehouse: Gatehouse, end: 'gone' | 'closed'): void {
  finishLink(ctx, PURPOSE, end)
  gatehouse.pages.leave(ctx, gatehouse.url(denying.name))
}

async function shownBeforeDenial(ctx: Context, known?: Link) {
  return { ...(await shown(ctx, known)), life: REOPEN_LIFE }
}
