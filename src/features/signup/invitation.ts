import type Router from '@koa/router'
import type { Gatehouse } from '../../visitor/gatehouse.js'
import { requireAnonymous } from '../../visitor/guards.js'
import { forgetInvitation, hasInvitation, invitationOf, keepInvitation } from '../../visitor/invitations.js'

export const name = 'signup/invitation'
export const needs = 'invitations'
export const partOf = 'signup'

export function routes(router: Router, gatehouse: Gatehouse): void {
  const { pages, url } = gatehouse

  router.get('/signup/invitation/', requireAnonymous, async (ctx) => {
    if ((await invitationOf(ctx, gatehouse)) !== undefined) return pages.leave(ctx, url('signup'))
    const isGone = hasInvitation(ctx)
    forgetInvitation(ctx)
    pages.show(ctx, 'signup/invitation/page.html', { isGone })
  })

  router.get('/signup/invitation/:token/', (ctx) => {
    keepInvitation(ctx, ctx.params.token ?? '')
    pages.leave(ctx, url('signup'))
  })
}
