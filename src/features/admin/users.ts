import type Router from '@koa/router'
import type { Context } from 'koa'
import { exportedEvent, recordsOf } from '../../accounts/export.js'
import { cursorOf, pageOf, searchOf, type UserPage } from '../../accounts/listing.js'
import { ADMIN } from '../../accounts/roles.js'
import { usersWithPrefix } from '../../accounts/user-search.js'
import * as events from '../../tables/events.js'
import type { StoredUser } from '../../tables/users.js'
import { USER_STATES, type UserState } from '../../tables/users-list.js'
import { requireAdmin } from '../../visitor/admin-guard.js'
import type { FeatureLink } from '../../visitor/feature.js'
import type { Gatehouse } from '../../visitor/gatehouse.js'
import { queryText } from '../../web/http.js'
import { showAction, takeAction } from './users/action.js'
import { ACTIONS } from './users/actions.js'

export const name = 'admin/users'
export const partOf = 'admin'
export const links: readonly FeatureLink[] = [
  { on: 'admin', order: 20, title: { code: 'admin_users_link', sentence: 'Users' } },
]

const PAGE = 50
const EVENTS = 20

export function routes(router: Router, gatehouse: Gatehouse): void {
  router.get('/admin/users/', requireAdmin, async (ctx) => {
    const query = userQueryOf(ctx)
    const { users, next } = await usersFor(gatehouse, query)
    gatehouse.pages.show(ctx, 'admin/users/page.html', shownList(gatehouse, query, { users, next }))
  })

  router.get('/admin/users/:id/', requireAdmin, async (ctx) => {
    gatehouse.pages.show(ctx, 'admin/users/user/page.html', await personOf(ctx, gatehouse))
  })

  router.get('/admin/users/:id/:action/', requireAdmin, showAction(gatehouse))
  router.post('/admin/users/:id/:action/verify/', requireAdmin, takeAction(gatehouse))
}

interface UserQuery {
  q: string
  state: (typeof USER_STATES)[number] | undefined
  role: string | undefined
  inside: boolean
  after: string
}

function userQueryOf(ctx: Context): UserQuery {
  const text = (key: string) => (queryText(ctx, key) ?? '').trim()
  return {
    q: text('q').slice(0, 200),
    state: USER_STATES.find((state) => state === text('state')),
    role: text('role').slice(0, 32) || undefined,
    inside: text('inside') !== '',
    after: text('after'),
  }
}

/** Nobody is unconfirmed where accounts have no email address. */
export function statesOf({ emails }: Pick<Gatehouse['rules'], 'emails'>): UserState[] {
  return USER_STATES.filter((state) => emails === 'required' || state !== 'unconfirmed')
}

export function shownList(
  { url, rules }: Pick<Gatehouse, 'url' | 'rules'>,
  query: UserQuery,
  { users, next }: UserPage,
) {
  const { q, state, role, inside } = query
  const address = (more: Record<string, string>) =>
    `${url(name)}?${new URLSearchParams({ ...(q && { q }), ...(q && inside && { inside: '1' }), ...more })}`
  const filter = { ...(state && { state }), ...(role && { role }) }
  return {
    ...{ q, state, role, users },
    filters: [undefined, ...statesOf(rules)].map((one) => ({
      state: one,
      href: address(one === undefined ? {} : { state: one }),
      isHere: one === state && role === undefined,
    })),
    admins: { href: address({ role: ADMIN }), isHere: role === ADMIN },
    next: next === null ? undefined : address({ ...filter, after: next }),
  }
}

function usersFor(gatehouse: Gatehouse, { q, inside, after, ...filter }: UserQuery): Promise<UserPage> {
  if (q !== '' && !inside) return usersWithPrefix(gatehouse, q, { ...filter, after })
  const search = { ...searchOf(q), ...filter }
  return pageOf(gatehouse, { ...search, after: cursorOf(after), limit: PAGE, newestFirst: true })
}

async function personOf(ctx: Context, gatehouse: Gatehouse) {
  const { id = '' } = ctx.params
  // With `privateEmails` the export leaves out what would reveal who has an account. An admin may see that.
  const stored = await recordsOf({ ...gatehouse, rules: { ...gatehouse.rules, privateEmails: false } }, id)
  if (stored.account === undefined) return ctx.throw(404)
  const newest = await events.newest(gatehouse.database.main, { userId: id, limit: EVENTS })
  const actions = actionsFor(gatehouse, stored.account)
  return { person: stored.account, actions, stored, events: newest.map(exportedEvent), isAll: true }
}

function actionsFor(gatehouse: Gatehouse, user: StoredUser) {
  return Object.entries(ACTIONS)
    .filter(([, { isPossible }]) => isPossible(user, gatehouse))
    .map(([action, { title }]) => ({ title, href: `${gatehouse.url(name, user.id)}${action}/` }))
}
