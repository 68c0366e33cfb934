import { Readable } from 'node:stream'
import type Router from '@koa/router'
import type { Middleware } from 'koa'
import { requireUser, userOf } from '../guards.js'
import type { House } from '../house.js'
import { loginOf } from '../sessions.js'
import * as events from '../tables/events.js'
import * as mails from '../tables/mails.js'
import * as sessions from '../tables/sessions.js'
import * as slugs from '../tables/slugs.js'
import * as tokens from '../tables/tokens.js'
import * as users from '../tables/users.js'

export const name = 'account-export'

/** The page shows so much of the history; the file has all of it. */
const SHOWN = 1000
/** So much of it is read at once. */
const BATCH = 500

export function routes(router: Router, house: House): void {
  router.get('/account/export/', requireUser, async (ctx) => {
    const { id } = loginOf(ctx).user
    const found = await events.newest(house.database.main, { userId: id, limit: SHOWN + 1 })
    house.pages.show(ctx, 'account-export/page.html', {
      stored: await sectionsOf(house, id),
      events: found.slice(0, SHOWN),
      isAll: found.length <= SHOWN,
    })
  })

  router.get('/account/export/json/', toPage(house), async (ctx) => {
    const { user } = loginOf(ctx)
    const content = fileOf(house, user.id, await sectionsOf(house, user.id))
    house.pages.download(ctx, { name: fileName(user), content: Readable.from(content) })
  })
}

// Like `requireUser`, but a login leads back to the page: a file alone would leave its visitor at the login.
function toPage({ pages, url }: House): Middleware {
  return async (ctx, next) => {
    if (userOf(ctx) !== undefined) return await next()
    pages.leave(ctx, `${url('login')}?${new URLSearchParams({ next: url(name) })}`)
  }
}

type Sections = Awaited<ReturnType<typeof sectionsOf>>

/** Everything that is stored of a user but the history; each section but the first is called like its table. */
async function sectionsOf({ database: { main }, now, rules }: House, userId: string) {
  // Where addresses are private: what came of a change to an address would tell whether that is somebody else's. Which one
  // is to follow stands with the account.
  const isTold = (what: string) => !rules.privateEmails || what !== 'email-change'
  const sent = (await tokens.ofUser(main, userId)).filter(({ purpose }) => isTold(purpose))
  const written = (await mails.ofUser(main, userId)).filter(({ kind }) => isTold(kind))
  return {
    account: await users.stored(main, userId),
    slugs: await slugs.ofUser(main, userId),
    sessions: await sessions.ofUser(main, userId, now()),
    tokens: sent.map(openToken),
    mails: written.map(openMail),
  }
}

// What is said is named, here and below: a secret that a table comes to hold stays out by itself.
function openToken({ purpose, email, createdAt, expiresAt, usedAt }: tokens.Token) {
  return { purpose, email, createdAt, expiresAt, usedAt }
}

function openMail({ kind, state, createdAt, dueAt, tries }: mails.StoredMail) {
  return { kind, state, createdAt, dueAt, tries }
}

function openEvent({ kind, about, at, userAgent, address }: events.StoredEvent) {
  return { kind, about, at, userAgent, address }
}

// A browser puts nothing but these into the name of a file without a doubt.
function fileName({ slug }: users.User): string {
  return `gatehouse-${slug.replaceAll(/[^a-z0-9-]/g, '') || 'account'}.json`
}

/** The file, written while it is sent: a history may be longer than fits into memory. */
async function* fileOf(house: House, userId: string, sections: Sections): AsyncGenerator<string> {
  yield JSON.stringify({ exportedAt: house.now(), ...sections, events: [] }, withDates, 2).slice(
    0,
    -END.length,
  )
  let separator = ''
  for await (const event of history(house, userId)) {
    yield `${separator}\n    ${JSON.stringify(openEvent(event), withDates)}`
    separator = ','
  }
  yield `\n  ${END}\n`
}

/** How the file ends, behind the last event. */
const END = ']\n}'

/** The whole history, newest first. */
async function* history({ database }: House, userId: string): AsyncGenerator<events.StoredEvent> {
  let before: string | undefined
  do {
    const batch = await events.newest(database.main, { userId, before, limit: BATCH })
    yield* batch
    before = batch.length < BATCH ? undefined : batch.at(-1)?.id
  } while (before !== undefined)
}

const TIME = /^(?:at|until|confirmBy)$|At$/

function withDates(key: string, value: unknown): unknown {
  return TIME.test(key) && typeof value === 'number' ? new Date(value).toISOString() : value
}
