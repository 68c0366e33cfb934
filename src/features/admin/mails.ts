import type Router from '@koa/router'
import type { Context } from 'koa'
import { resendMail } from '../../accounts/failed-mails.js'
import { recipientOf } from '../../accounts/mail-content.js'
import * as mails from '../../tables/mails.js'
import { requireAdmin } from '../../visitor/admin-guard.js'
import type { FeatureLink } from '../../visitor/feature.js'
import { type Gatehouse, gatehouseOf } from '../../visitor/gatehouse.js'
import { adminOrigin } from '../../visitor/origin.js'
import type { Form } from '../../web/form.js'
import { fingerprint, onSubmit, type Sent } from '../../web/submit.js'

export const name = 'admin/mails'
export const partOf = 'admin'
export const needs = 'mail'
export const links: readonly FeatureLink[] = [
  { on: 'admin', order: 40, title: { code: 'admin_mails_link', sentence: 'Emails' } },
]

const SHOWN = 100

const form: Form<never> = { name, fields: [], secret: [], oneButton: true, around }

export const AGAIN = { code: 'admin_mail_again', sentence: 'The email will be sent again within seconds.' }
const NOT_FAILED = {
  code: 'admin_mail_not_failed',
  sentence: 'This email has not failed, or no longer exists.',
}

export function routes(router: Router, gatehouse: Gatehouse): void {
  router.get('/admin/mails/', requireAdmin, (ctx) => gatehouse.pages.form(ctx, form))

  router.post(
    '/admin/mails/:id/resend/',
    requireAdmin,
    onSubmit(form, gatehouse, async (ctx, values) => {
      const isResent = await resend(ctx, gatehouse, values)
      gatehouse.pages.leave(ctx, gatehouse.url(name), { message: isResent ? AGAIN : NOT_FAILED })
    }),
  )
}

async function around(ctx: Context) {
  const gatehouse = gatehouseOf(ctx)
  const { main } = gatehouse.database
  const found = await mails.list(main, { states: ['waiting', 'failed'], limit: SHOWN })
  const shown = found.map(async (mail) => {
    const { id, kind, state, tries, dueAt, problem } = mail
    return { id, kind, state, tries, dueAt, problem, to: await recipientOf(gatehouse, mail) }
  })
  return { mails: await Promise.all(shown) }
}

function resend(ctx: Context, gatehouse: Gatehouse, values: Sent<never>): Promise<boolean> {
  const { id = '' } = ctx.params
  return resendMail(adminOrigin(ctx, gatehouse, { form: fingerprint(ctx, gatehouse, values) }), gatehouse, id)
}
