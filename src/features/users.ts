import type Router from '@koa/router'
import type { House } from '../house.js'
import { bySlug } from '../tables/users.js'
import { refuseRequest } from '../web/errors.js'

export const name = 'users'

const NO_SUCH_PAGE = { code: 'user_page_unknown', sentence: 'There is no user at this address.' }

export function routes(router: Router, house: House): void {
  router.get('/users/:slug/', async (ctx) => {
    const user = await bySlug(house.database.main, ctx.params.slug ?? '')
    if (user === undefined) return refuseRequest(ctx, 404, NO_SUCH_PAGE)
    house.pages.show(ctx, 'users/page.html', { name: user.name, since: new Date(user.createdAt) })
  })
}
