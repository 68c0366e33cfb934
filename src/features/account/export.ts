import { Readable } from 'node:stream'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type Router from '@koa/router'
import type { Middleware } from 'koa'
import { exportedEvent, type Records, recordsOf, withDates } from '../../accounts/export.js'
import * as events from '../../tables/events.js'
import type * as users from '../../tables/users.js'
import { OPEN_AGAIN, OTHER_ACCOUNT } from '../../visitor/asking.js'
import type { FeatureLink } from '../../visitor/feature.js'
import { type Gatehouse, gatehouseOf } from '../../visitor/gatehouse.js'
import { pathWithNext, requireRecentLogin, userOf } from '../../visitor/guards.js'
import { loginOf } from '../../visitor/logins.js'
import { passwordConfirm } from '../../visitor/proofs.js'
import { isRecentLogin } from '../../visitor/recent.js'
import { queryText } from '../../web/http.js'
import { refuseRequest } from '../../web/refusal.js'

export const name = 'account/export'
export const links: readonly FeatureLink[] = [
  {
    on: 'account',
    group: 'data',
    order: 60,
    title: { code: 'account_export_link', sentence: 'Your data' },
    hint: {
      code: 'account_export_link_hint',
      sentence: 'See and download everything stored about you',
    },
  },
]

/** Events on the page. The file has all. More would take longer than 20 ms to render. */
const SHOWN = 100
const PART_MISSING = {
  code: 'export_incomplete',
  sentence: 'Part of your data cannot be read right now. Try again later.',
}

const BATCH = 100

export function routes(router: Router, gatehouse: Gatehouse): void {
  router.get('/account/export/', requireRecentLogin, async (ctx) => {
    const { id } = loginOf(ctx).user
    const found = await events.newest(gatehouse.database.main, { userId: id, limit: SHOWN + 1 })
    gatehouse.pages.show(ctx, 'account/export/page.html', {
      stored: await recordsOf(gatehouse, id),
      app: await appData(gatehouse, loginOf(ctx).user),
      events: found.slice(0, SHOWN),
      isAll: found.length <= SHOWN,
    })
  })

  router.get('/account/export/json/', refuseOther, toPage(gatehouse), async (ctx) => {
    const { user } = loginOf(ctx)
    const app = await appData(gatehouse, user)
    // A file without this part would look complete.
    if (!app.isComplete) return refuseRequest(ctx, 503, PART_MISSING)
    const content = fileOf(gatehouse, user.id, {
      records: await recordsOf(gatehouse, user.id),
      app: app.json,
    })
    gatehouse.pages.download(ctx, { name: fileName(user), content: Readable.from(content) })
  })
}

// The link names its user: another one may have logged in since, in another tab.
const refuseOther: Middleware = async (ctx, next) => {
  const { pages, url } = gatehouseOf(ctx)
  const user = userOf(ctx)
  const of = queryText(ctx, 'of')
  if (user === undefined || of === undefined || of === user.id) return await next()
  const error = { ...OTHER_ACCOUNT, params: { name: user.name } }
  pages.problem(ctx, { status: 403, error, link: { href: url(name), message: OPEN_AGAIN } })
}

// Returns to the page, because a download would leave the browser on the password prompt.
function toPage({ pages, url }: Gatehouse): Middleware {
  return async (ctx, next) => {
    if (isRecentLogin(ctx)) return await next()
    const asking = userOf(ctx) === undefined ? 'login' : passwordConfirm.name
    pages.leave(ctx, pathWithNext(url(asking), url(name)))
  }
}

// Browsers change other characters in file names.
function fileName({ slug }: users.User): string {
  return `gatehouse-${slug.replaceAll(/[^a-z0-9-]/g, '') || 'account'}.json`
}

/** Without `json` if the app has no data about the user. */
type AppData = { isComplete: true; json: string | undefined } | { isComplete: false }

async function appData(gatehouse: Gatehouse, user: users.User): Promise<AppData> {
  try {
    return { isComplete: true, json: JSON.stringify(await gatehouse.hooks.exportOf?.(user), undefined, 2) }
  } catch (error) {
    gatehouse.log.error({ err: error }, 'exportOf failed')
    return { isComplete: false }
  }
}

// Streamed, because the activity may not fit into memory.
async function* fileOf(
  gatehouse: Gatehouse,
  userId: string,
  { records, app }: { records: Records; app: string | undefined },
): AsyncGenerator<string> {
  const first = JSON.stringify({ exportedAt: gatehouse.now(), ...records }, withDates, 2)
  yield first.slice(0, -END.length)
  if (app !== undefined) yield `,\n  "app": ${app.replaceAll('\n', '\n  ')}`
  yield ',\n  "events": ['
  let separator = ''
  for await (const batch of eventBatches(gatehouse, userId)) {
    yield separator + batch.map((event) => `\n    ${JSON.stringify(exportedEvent(event), withDates)}`).join()
    separator = ','
  }
  yield `\n  ]${END}\n`
}

const END = '\n}'

async function* eventBatches({ database }: Gatehouse, userId: string): AsyncGenerator<events.StoredEvent[]> {
  let before: string | undefined
  do {
    const batch = await events.newest(database.main, { userId, before, limit: BATCH })
    if (batch.length > 0) yield batch
    before = batch.length < BATCH ? undefined : batch.at(-1)?.id
    // A socket that takes everything at once never makes the stream wait, so other requests would get no turn.
    await nextTurn()
  } while (before !== undefined)
}
