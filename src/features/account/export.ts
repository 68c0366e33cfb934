import { Readable } from 'node:stream'
import type Router from '@koa/router'
import type { Middleware } from 'koa'
import { openEvent, type Records, recordsOf, withDates } from '../../accounts/export.js'
import * as events from '../../tables/events.js'
import type * as users from '../../tables/users.js'
import type { FeatureLink } from '../../visitor/feature.js'
import type { Gatehouse } from '../../visitor/gatehouse.js'
import { isRecentLogin, pathWithNext, requireRecentLogin, userOf } from '../../visitor/guards.js'
import { loginOf } from '../../visitor/logins.js'
import { passwordConfirm } from '../../visitor/proofs.js'
import { refuseRequest } from '../../web/refusal.js'

export const name = 'account/export'
export const links: readonly FeatureLink[] = [
  {
    on: 'account',
    order: 60,
    title: { code: 'account_export_link', sentence: 'Your data' },
    hint: {
      code: 'account_export_link_hint',
      sentence: 'Everything that is stored about you, to read and to download',
    },
  },
]

/** The page shows so much of the history; the file has all of it. */
const SHOWN = 1000
const PART_MISSING = {
  code: 'export_incomplete',
  sentence: 'A part of your data cannot be read at the moment. Try again later.',
}

/** So much of it is read at once. */
const BATCH = 500

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

  router.get('/account/export/json/', toPage(gatehouse), async (ctx) => {
    const { user } = loginOf(ctx)
    const app = await appData(gatehouse, user)
    // Without a part it would look like all there is.
    if (app === 'missing') return refuseRequest(ctx, 503, PART_MISSING)
    const content = fileOf(gatehouse, user.id, { records: await recordsOf(gatehouse, user.id), app })
    gatehouse.pages.download(ctx, { name: fileName(user), content: Readable.from(content) })
  })
}

// Like `requireRecentLogin`, but what it asks for leads to the page: a file alone would leave its visitor where they were asked.
function toPage({ pages, url }: Gatehouse): Middleware {
  return async (ctx, next) => {
    if (isRecentLogin(ctx)) return await next()
    const asking = userOf(ctx) === undefined ? 'login' : passwordConfirm.name
    pages.leave(ctx, pathWithNext(url(asking), url(name)))
  }
}

// A browser puts nothing but these into the name of a file without a doubt.
function fileName({ slug }: users.User): string {
  return `gatehouse-${slug.replaceAll(/[^a-z0-9-]/g, '') || 'account'}.json`
}

/** What the host adds, as JSON; undefined if it has nothing. */
async function appData(gatehouse: Gatehouse, user: users.User): Promise<string | undefined | 'missing'> {
  try {
    return JSON.stringify(await gatehouse.hooks.exportOf?.(user), undefined, 2)
  } catch (error) {
    gatehouse.log.error({ err: error }, 'exportOf failed')
    return 'missing'
  }
}

/** The file, written while it is sent: a history may be longer than fits into memory. */
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
  for await (const event of history(gatehouse, userId)) {
    yield `${separator}\n    ${JSON.stringify(openEvent(event), withDates)}`
    separator = ','
  }
  yield `\n  ]${END}\n`
}

const END = '\n}'

/** The whole history, newest first. */
async function* history({ database }: Gatehouse, userId: string): AsyncGenerator<events.StoredEvent> {
  let before: string | undefined
  do {
    const batch = await events.newest(database.main, { userId, before, limit: BATCH })
    yield* batch
    before = batch.length < BATCH ? undefined : batch.at(-1)?.id
  } while (before !== undefined)
}
