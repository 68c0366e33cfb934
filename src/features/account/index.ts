import type Router from '@koa/router'
import type { Gatehouse } from '../../visitor/gatehouse.js'
import { requireUser } from '../../visitor/guards.js'
import { loginOf } from '../../visitor/logins.js'
import { fewCodesOf } from '../../visitor/welcome.js'

export const name = 'account'

export function routes(router: Router, gatehouse: Gatehouse): void {
  router.get('/account/', requireUser, async (ctx) => {
    const fewCodes = await fewCodesOf(gatehouse, loginOf(ctx).user)
    gatehouse.pages.show(ctx, 'account/page.html', { fewCodes })
  })
}
