import type Router from '@koa/router'
import type { Context } from 'koa'
import { invite, withdrawInvitation } from '../../accounts/inviting.js'
import { withoutLimits } from '../../accounts/without-limits.js'
import * as invitations from '../../tables/invitations.js'
import { requireAdmin } from '../../visitor/admin-guard.js'
import type { FeatureLink } from '../../visitor/feature.js'
import { type Gatehouse, gatehouseOf } from '../../visitor/gatehouse.js'
import { adminOrigin } from '../../visitor/origin.js'
import type { Form } from '../../web/form.js'
import { queryText } from '../../web/http.js'
import { fingerprint, onSubmit, type Sent } from '../../web/submit.js'

export const name = 'admin/invitations'
export const partOf = 'admin'
export const links: readonly FeatureLink[] = [
  { on: 'admin', order: 25, title: { code: 'admin_invitations_link', sentence: 'Invitations' } },
]

const PAGE = 50

const inviting: Form<'email'> = { name, fields: ['email'], secret: [], around }
const withdrawing: Form<'invited'> = { name, fields: ['invited'], secret: [], around }

export const INVITED = {
  code: 'admin_invited',
  sentence: 'An email with a link to sign up is on its way to {email}.',
}
const WITHDRAWN = { code: 'admin_withdrawn', sentence: 'The invitation for {email} no longer works.' }
const NOT_INVITED = {
  code: 'admin_not_invited',
  sentence: 'There is no open invitation for {email}. It was used, has expired or was withdrawn.',
}

export function routes(router: Router, gatehouse: Gatehouse): void {
  const { pages, rules, url } = gatehouse

  router.get('/admin/invitations/', requireAdmin, (ctx) => pages.form(ctx, inviting))

  router.post(
    '/admin/invitations/withdraw/',
    requireAdmin,
    onSubmit(withdrawing, gatehouse, async (ctx, values) => {
      const origin = originOf(ctx, gatehouse, values)
      const isWithdrawn = await withdrawInvitation(origin, withoutLimits(gatehouse), values.invited)
      const message = { ...(isWithdrawn ? WITHDRAWN : NOT_INVITED), params: { email: values.invited } }
      pages.leave(ctx, url(name), { message })
    }),
  )

  if (rules.signup !== 'invited') return
  router.post(
    '/admin/invitations/verify/',
    requireAdmin,
    onSubmit(inviting, gatehouse, async (ctx, values) => {
      const errors = await invite(originOf(ctx, gatehouse, values), withoutLimits(gatehouse), values.email)
      if (errors.length > 0) return await pages.refuse(ctx, inviting, { errors, values })
      pages.leave(ctx, url(name), { message: { ...INVITED, params: { email: values.email.trim() } } })
    }),
  )
}

function originOf(ctx: Context, gatehouse: Gatehouse, values: Sent<never>) {
  return adminOrigin(ctx, gatehouse, { form: fingerprint(ctx, gatehouse, values) })
}

async function around(ctx: Context) {
  const { database, now, rules, url } = gatehouseOf(ctx)
  const after = queryText(ctx, 'after')
  const found = await invitations.open(database.main, { now: now(), after, limit: PAGE + 1 })
  const shown = found.slice(0, PAGE)
  const last = found.length > PAGE ? shown.at(-1) : undefined
  return {
    signup: rules.signup,
    invitations: shown,
    next: last && `${url(name)}?${new URLSearchParams({ after: last.key })}`,
  }
}
