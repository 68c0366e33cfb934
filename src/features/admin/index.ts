import type Router from '@koa/router'
import { DAY } from '../../base/durations.js'
import { DAY_KINDS, type DayCount, type DayKind, dayOf, since } from '../../tables/days.js'
import { count, countOpen } from '../../tables/users-list.js'
import { requireAdmin } from '../../visitor/admin-guard.js'
import type { FeatureLink } from '../../visitor/feature.js'
import type { Gatehouse } from '../../visitor/gatehouse.js'
import { statesOf } from './users.js'

export const name = 'admin'

export const links: readonly FeatureLink[] = [
  { on: 'user header', order: 5, role: 'admin', title: { code: 'admin_link', sentence: 'Admin' } },
  { on: 'admin', order: 10, title: { code: 'admin_overview_link', sentence: 'Overview' } },
]

const DAYS = 30

export function routes(router: Router, gatehouse: Gatehouse): void {
  router.get('/admin/', requireAdmin, async (ctx) => {
    const { main } = gatehouse.database
    const now = gatehouse.now()
    const states = statesOf(gatehouse.rules).map(async (state) => ({
      state,
      count: state === 'open' ? await countOpen(main) : await count(main, { state }),
    }))
    const counts = await since(main, dayOf(now - (DAYS - 1) * DAY))
    gatehouse.pages.show(ctx, 'admin/page.html', {
      states: await Promise.all(states),
      charts: kindsOf(gatehouse).map((kind) => chartOf(kind, counts, now)),
    })
  })
}

function kindsOf({ outbox }: Gatehouse): DayKind[] {
  return DAY_KINDS.filter((kind) => outbox.isOn || kind !== 'mail_failed')
}

/** `height` is in percent of the highest bar. */
export function chartOf(kind: DayKind, counts: readonly DayCount[], now: number) {
  const ofDay = new Map(counts.filter((one) => one.kind === kind).map((one) => [one.day, one.count]))
  const days = Array.from({ length: DAYS }, (_, index) => {
    const date = new Date(now - (DAYS - 1 - index) * DAY)
    return { date, iso: dayOf(date.getTime()), count: ofDay.get(dayOf(date.getTime())) ?? 0 }
  })
  const all = days.map((day) => day.count)
  const most = Math.max(...all)
  return {
    ...{ kind, most, today: all.at(-1) ?? 0, total: all.reduce((sum, some) => sum + some, 0) },
    days: days.map((day) => ({ ...day, height: Math.ceil((100 * day.count) / Math.max(most, 1)) })),
  }
}
