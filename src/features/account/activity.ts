import type Router from '@koa/router'
import { eventId } from '../../accounts/events.js'
import * as events from '../../tables/events.js'
import type { FeatureLink } from '../../visitor/feature.js'
import type { Gatehouse } from '../../visitor/gatehouse.js'
import { requireUser } from '../../visitor/guards.js'
import { loginOf } from '../../visitor/logins.js'
import { queryText } from '../../web/http.js'
import { deviceWords } from '../../web/user-agent.js'

export const name = 'account/activity'
export const links: readonly FeatureLink[] = [
  {
    on: 'account',
    group: 'security',
    order: 50,
    title: { code: 'account_activity_link', sentence: 'Activity' },
    hint: { code: 'account_activity_link_hint', sentence: 'Logins and changes to your account' },
  },
]

const PAGE = 50

export function routes(router: Router, gatehouse: Gatehouse): void {
  router.get('/account/activity/', requireUser, async (ctx) => {
    const before = eventId(queryText(ctx, 'before'))
    const found = await events.newest(gatehouse.database.main, {
      userId: loginOf(ctx).user.id,
      before,
      limit: PAGE + 1,
    })
    const shown = found.slice(0, PAGE)
    gatehouse.pages.show(ctx, 'account/activity/page.html', {
      events: shown.map((event) => ({ ...event, words: deviceWords(event.userAgent) })),
      older: found.length > PAGE ? shown.at(-1)?.id : undefined,
      isNewest: before === undefined,
      kept: gatehouse.lifetimes.events,
    })
  })
}
