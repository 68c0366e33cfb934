import type Router from '@koa/router'
import { eventId } from '../../accounts/events.js'
import * as actions from '../../tables/operator-actions.js'
import { requireAdmin } from '../../visitor/admin-guard.js'
import type { FeatureLink } from '../../visitor/feature.js'
import type { Gatehouse } from '../../visitor/gatehouse.js'
import { queryText } from '../../web/http.js'

export const name = 'admin/activity'
export const partOf = 'admin'
export const links: readonly FeatureLink[] = [
  { on: 'admin', order: 30, title: { code: 'admin_activity_link', sentence: 'Admin activity' } },
]

const PAGE = 50

export function routes(router: Router, gatehouse: Gatehouse): void {
  router.get('/admin/activity/', requireAdmin, async (ctx) => {
    const before = eventId(queryText(ctx, 'before'))
    const found = await actions.list(gatehouse.database.main, { before, limit: PAGE + 1 })
    const shown = found.slice(0, PAGE)
    gatehouse.pages.show(ctx, 'admin/activity/page.html', {
      actions: shown,
      older: found.length > PAGE ? shown.at(-1)?.id : undefined,
    })
  })
}
