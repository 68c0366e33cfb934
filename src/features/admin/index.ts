import type Router from '@koa/router'
import { requireAdmin } from '../../visitor/admin-guard.js'
import type { FeatureLink } from '../../visitor/feature.js'
import type { Gatehouse } from '../../visitor/gatehouse.js'

export const name = 'admin'

const title = { code: 'admin_link', sentence: 'Admin' }

export const links: readonly FeatureLink[] = [
  { on: 'user header', order: 5, role: 'admin', title },
  { on: 'admin', order: 10, title: { code: 'admin_overview_link', sentence: 'Overview' } },
]

export function routes(router: Router, gatehouse: Gatehouse): void {
  router.get('/admin/', requireAdmin, (ctx) => gatehouse.pages.show(ctx, 'admin/page.html'))
}
