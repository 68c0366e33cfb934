import type Router from '@koa/router'
import { requireUser } from '../guards.js'
import type { House } from '../house.js'

export const name = 'account'

export function routes(router: Router, house: House): void {
  router.get('/account/', requireUser, (ctx) => house.pages.show(ctx, 'account/page.html'))
}
