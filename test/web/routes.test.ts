import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { LIMITS } from '../../src/accounts/limit-rules.js'
import { root } from '../../src/base/package.js'
import { features } from '../../src/features/index.js'
import type { Route } from '../../src/index.js'
import { accounts } from '../../src/mount.js'
import { timesIn } from '../../src/views/times.js'
import { freshDatabase, settingsFor } from '../support/databases.js'
import { type Page, Site, type Visitor } from '../support/helpers.js'
import { type Source, sourcesIn, sourcesOfFeature } from '../support/sources.js'

/*
 * `npm run routes` writes docs/routes.md from the code. This test fails when the page is out of date.
 */
const test = suite('docs/routes.md')
const FILE = join(root, 'docs', 'routes.md')

async function written(): Promise<string> {
  const site = await Site.start({ environment: { RATE_LIMITS: 'off' } })
  const rows: string[] = []
  for (const route of await allRoutes()) rows.push(await rowOf(site, route))
  await site.close()
  return [
    '# Look up a route or a limit',
    '',
    'Find the path in the table. With a prefix, all paths begin with it. `npm run routes` writes this page from the responses of a running site.',
    '',
    '## Routes',
    '',
    'The table shows what a visitor without an account gets, and what a user who has just logged in gets: for GET when they open the page, for',
    'POST when they submit a form with nothing filled in.',
    '',
    '| Method | Path | A visitor gets | A user gets |',
    '|---|---|---|---|',
    ...rows,
    '',
    '| Status | Means |',
    '|---|---|',
    '| 200 | the page, or with `HX-Request: true` a success with the message box |',
    '| 303 | a redirect: to the login page, to the password page, or to the next page of a flow. With `HX-Request: true` it is `HX-Redirect` |',
    '| 400, 413, 415 | a POST that is not a form of Gatehouse |',
    '| 403 | the page was too old, the login has ended, or a password is needed first. Also a method other than POST on `verify/` |',
    '| 405 | a wrong method elsewhere |',
    '| 406 | the form breaks a rule, or has a wrong password or code |',
    '| 410 | an emailed link that no longer works |',
    '| 429 | a rate limit is reached |',
    '',
    '## Limits',
    '',
    '| Limit | Default | Counted by |',
    '|---|---|---|',
    ...limitRows(),
    '',
  ].join('\n')
}

async function allRoutes(): Promise<readonly Route[]> {
  const database = await freshDatabase()
  const keys = settingsFor(database).SESSION_KEYS?.split(',')
  const { routes, close } = await accounts({ database, mail: 'caught', ...(keys && { keys }) })
  await close()
  return routes
}

let made = 0

/** Uses a new account for each route, because some routes end its session. */
async function rowOf(site: Site, { method, path }: Route): Promise<string> {
  const name = `user${++made}`
  const user = await site.visitor().settle(name)
  const filled = path.replace(':slug', name).replace(/:\w+/, 'unknown')
  const responses = [await responseTo(site.visitor(), method, filled), await responseTo(user, method, filled)]
  return `| ${method} | \`${path}\` | ${responses.join(' | ')} |`
}

async function responseTo(visitor: Visitor, method: string, path: string): Promise<string> {
  if (method === 'GET') return described(await visitor.open(path))
  const form = await visitor.open('/password/forgot/')
  const body = new URLSearchParams({ _csrf: form.value('_csrf') ?? '' })
  return described(await visitor.post(path, body.toString()))
}

function described({ status, headers }: Page): string {
  const [to] = headers.location?.split('?') ?? []
  return to === undefined ? `${status}` : `${status} to \`${to}\``
}

function limitRows(): string[] {
  const reached = new Map(features.map(({ name }) => [name, sourceBehind(name)]))
  return Object.entries(LIMITS).map(([rule, { max, window }]) => {
    const users = features
      .filter(({ name }) => reached.get(name)?.includes(`rule: '${rule}'`))
      .map(({ name }) => `\`/${name}/\``)
    return `| \`${rule}\` | ${max} in ${timesIn('en').lasting(window)} | ${users.join(', ') || 'sending emails'} |`
  })
}

/** Returns the source of a feature and of every function it reaches in accounts and visitor. */
function sourceBehind(feature: string): string {
  const sources = sourcesOfFeature(feature)
  const text = sources.map((source) => source.text).join('\n')
  const own = functionsOf(sources)
  const functions = functionsOf(['src/accounts', 'src/visitor'].flatMap(sourcesIn))
  const reached = new Map<string, string>()
  const queue = [text]
  for (let source = queue.pop(); source !== undefined; source = queue.pop()) {
    for (const [, called = ''] of source.matchAll(/\b(\w+)\(/g)) {
      const body = functions.get(called)
      if (body === undefined || reached.has(called) || (source === text && own.has(called))) continue
      reached.set(called, body)
      queue.push(body)
    }
  }
  return [text, ...reached.values()].join('\n')
}

function functionsOf(sources: readonly Source[]): Map<string, string> {
  const parts = sources.flatMap(({ text }) => text.split(/^(?=(?:export )?(?:async )?function )/m))
  return new Map(
    parts.flatMap((part) => {
      const [, name] = /^(?:export )?(?:async )?function (\w+)/.exec(part) ?? []
      return name === undefined ? [] : [[name, part] as const]
    }),
  )
}

test('is what npm run routes writes', async () => {
  const text = await written()
  if (process.env.ROUTES) writeFileSync(FILE, text)
  assert.is(readFileSync(FILE, 'utf8'), text, 'run npm run routes')
})

test.run()
