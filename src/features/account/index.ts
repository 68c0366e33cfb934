import type Router from '@koa/router'
import type { Gatehouse } from '../../visitor/gatehouse.js'
import { requireUser } from '../../visitor/guards.js'

export const name = 'account'

export function routes(router: Router, gatehouse: Gatehouse): void {
  router.get('/account/', requireUser, (ctx) => gatehouse.pages.show(ctx, 'account/page.html'))
}
