import type Router from '@koa/router'
import type { House } from '../../visitor/gatehouse.js'
import { requireUser } from '../../visitor/guards.js'

export const name = 'account'

export function routes(router: Router, house: House): void {
  router.get('/account/', requireUser, (ctx) => house.pages.show(ctx, 'account/page.html'))
}
