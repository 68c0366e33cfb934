import type Router from '@koa/router'
import type { Context } from 'koa'
import { hueOf, initialsOf } from '../base/initials.js'
import * as users from '../tables/users.js'
import type { Gatehouse } from '../visitor/gatehouse.js'
import { DYNAMIC } from '../web/headers.js'
import { refuseRequest } from '../web/refusal.js'

export const name = 'users'

const NO_SUCH_PAGE = { code: 'user_page_unknown', sentence: 'There is no user at this address.' }

export function routes(router: Router, gatehouse: Gatehouse): void {
  router.get('/users/:slug/', async (ctx) => {
    const { slug = '' } = ctx.params
    const user = await users.bySlug(gatehouse.database.main, slug, gatehouse.now())
    if (user === undefined || !isPublic(gatehouse, user)) return refuseRequest(ctx, 404, NO_SUCH_PAGE)
    if (user.slug !== slug) return moved(ctx, gatehouse.url(name, user.slug))
    gatehouse.pages.show(ctx, 'users/page.html', publicPageOf(user))
  })
}

export function publicPageOf({ id, name, slug, createdAt }: users.User) {
  return { name, slug, since: new Date(createdAt), initials: initialsOf(name), hue: Math.round(hueOf(id)) }
}

// With `privateEmails` an unconfirmed account may have someone else's address.
function isPublic({ rules }: Gatehouse, user: users.User): boolean {
  return !rules.privateEmails || user.emailConfirmedAt !== null
}

// Not cached, because the old URL may become someone else's.
function moved(ctx: Context, to: string): void {
  ctx.set(DYNAMIC)
  ctx.status = 301
  ctx.redirect(to)
  ctx.body = ''
}
