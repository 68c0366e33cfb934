import type Router from '@koa/router'
import { count, USER_STATES } from '../../tables/users-list.js'
import { requireAdmin } from '../../visitor/admin-guard.js'
import type { FeatureLink } from '../../visitor/feature.js'
import type { Gatehouse } from '../../visitor/gatehouse.js'

export const name = 'admin'

export const links: readonly FeatureLink[] = [
  { on: 'user header', order: 5, role: 'admin', title: { code: 'admin_link', sentence: 'Admin' } },
  { on: 'admin', order: 10, title: { code: 'admin_overview_link', sentence: 'Overview' } },
]

export function routes(router: Router, gatehouse: Gatehouse): void {
  router.get('/admin/', requireAdmin, async (ctx) => {
    const { main } = gatehouse.database
    const states = USER_STATES.map(async (state) => ({ state, count: await count(main, { state }) }))
    gatehouse.pages.show(ctx, 'admin/page.html', { states: await Promise.all(states) })
  })
}
