import type Router from '@koa/router'
import type { Context } from 'koa'
import { type Gatehouse, gatehouseOf } from '../../visitor/gatehouse.js'
import { requireUser } from '../../visitor/guards.js'
import { loginOf } from '../../visitor/logins.js'
import { fewCodesOf } from '../../visitor/welcome.js'
import type { Form } from '../../web/form.js'

export const name = 'account'

// A form, because the button that keeps two-step verification on needs a CSRF token.
const page: Form<never> = { name, fields: [], secret: [], around }

export function routes(router: Router, gatehouse: Gatehouse): void {
  router.get('/account/', requireUser, (ctx) => gatehouse.pages.form(ctx, page))
}

async function around(ctx: Context): Promise<object> {
  return { fewCodes: await fewCodesOf(gatehouseOf(ctx), loginOf(ctx).user) }
}
