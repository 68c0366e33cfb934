import type { Context, Middleware } from 'koa'
import { isReason } from '../../../accounts/disabling.js'
import { withoutLimits } from '../../../accounts/without-limits.js'
import * as actions from '../../../tables/operator-actions.js'
import { stored } from '../../../tables/users.js'
import type { Gatehouse } from '../../../visitor/gatehouse.js'
import { adminOrigin } from '../../../visitor/origin.js'
import type { Form } from '../../../web/form.js'
import { fingerprint, onSubmit, type Sent } from '../../../web/submit.js'
import { ACTIONS, type Action, type Done, type Request, type Typed } from './actions.js'

type Field = keyof Typed

const FIELDS: readonly Field[] = ['reason', 'username', 'email', 'role', 'change', 'confirmed']

export const REASON_WRONG = {
  field: 'reason',
  code: 'reason_wrong',
  sentence: 'Reason must be one line of up to 200 characters.',
}
export const DONE = { code: 'admin_done', sentence: 'Done: {action}.' }
const NOTHING_DONE = {
  code: 'admin_nothing_done',
  sentence: 'There was nothing to do, or it was already done. Nothing was changed now.',
}

// Each action on each user has a form of its own, at its own path.
export function showAction(gatehouse: Gatehouse): Middleware {
  return async (ctx) => gatehouse.pages.form(ctx, await formAt(ctx, gatehouse))
}

export function takeAction(gatehouse: Gatehouse): Middleware {
  return async (ctx, next) => {
    const form = await formAt(ctx, gatehouse)
    await onSubmit(form, gatehouse, (_, values) => take(ctx, gatehouse, form, values))(ctx, next)
  }
}

async function formAt(ctx: Context, gatehouse: Gatehouse): Promise<Form<Field>> {
  const { id = '', action: name = '' } = ctx.params
  const { action: asked, user } = await targetOf(ctx, gatehouse)
  const hasMail = gatehouse.outbox.isOn
  const action = hasMail ? asked : { ...asked, lead: asked.leadWithoutMail ?? asked.lead }
  return {
    name: 'admin/users/action',
    path: `${gatehouse.url('admin/users', id)}${name}/`,
    fields: FIELDS,
    secret: [],
    around: async () => ({ person: user, hasMail, action }),
  }
}

async function targetOf(ctx: Context, { database: { main } }: Gatehouse) {
  const { id = '', action: name = '' } = ctx.params
  const action = Object.hasOwn(ACTIONS, name) ? ACTIONS[name] : undefined
  const user = await stored(main, id)
  return action === undefined || user === undefined ? ctx.throw(404) : { action, user }
}

async function take(
  ctx: Context,
  gatehouse: Gatehouse,
  form: Form<Field>,
  values: Sent<Field>,
): Promise<void> {
  const { pages, url } = gatehouse
  const { action, user } = await targetOf(ctx, gatehouse)
  const request = { ...requestOf(ctx, gatehouse, values), user }
  const outcome = await outcomeOf(action, request)
  if ('errors' in outcome) return await pages.refuse(ctx, form, { errors: outcome.errors, values })
  const isGone = (await stored(gatehouse.database.main, user.id)) === undefined
  const done = { ...DONE, params: { action: pages.viewsOf(ctx).translate(action.title) } }
  pages.leave(ctx, isGone ? url('admin/users') : url('admin/users', user.id), {
    message: outcome.done ? done : NOTHING_DONE,
  })
}

async function outcomeOf(action: Action, request: Request): Promise<Done> {
  if (!isReason(request.origin.reason ?? '')) return { errors: [REASON_WRONG] }
  const { origin, registry, user } = request
  if (await actions.isDone(registry.database.main, origin.form)) return { done: false }
  if (!action.isPossible(user, registry)) return { done: false }
  return action.act(request)
}

function requestOf(ctx: Context, gatehouse: Gatehouse, values: Sent<Field>): Omit<Request, 'user'> {
  const reason = values.reason.trim()
  const origin = adminOrigin(ctx, gatehouse, { reason, form: fingerprint(ctx, gatehouse, values) })
  return { origin, registry: withoutLimits(gatehouse), typed: values }
}
