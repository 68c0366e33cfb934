import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { root } from '../../../src/base/package.js'
import { type Page, Visitor } from '../../support/helpers.js'
import { BODIES, HEADERS, NAMES, PARTS, QUERIES, VALUES } from './values.js'

/*
 * No request to any route in docs/routes.md blocks the process for more than a moment. The tests measure its own CPU time,
 * which other programs lengthen only by flushing caches. A request that took too long is repeated, and its least time
 * counts.
 */
const test = suite('a hostile request')

/** Milliseconds of CPU time. */
const MOST = 20
const TRIES = 8

let site: ChildProcess
let address: string
const agent = new Agent({ keepAlive: true })

test.before(() => start({}))
test.after(async () => {
  await stop()
  agent.destroy()
})

async function start(settings: Record<string, string>): Promise<void> {
  site = fork(join(import.meta.dirname, 'process.js'), { env: { ...process.env, ...settings } })
  address = String(await response())
  for (let warm = 0; warm < 30; warm++) await send({ path: '/signup/' })
}

async function stop(): Promise<void> {
  site.disconnect()
  await once(site, 'exit')
}

async function response(): Promise<unknown> {
  const [message] = await once(site, 'message')
  return message
}

async function ask(name: string): Promise<unknown> {
  const answered = response()
  site.send(name)
  return answered
}

/** Returns the CPU time of the site so far, in milliseconds. */
async function timeSoFar(): Promise<number> {
  const { user, system } = (await ask('')) as NodeJS.CpuUsage
  return (user + system) / 1000
}

interface Sent {
  path: string
  method?: string
  headers?: Record<string, string>
  body?: Buffer
}

/** Returns the status, or undefined if the connection was closed. */
function send({ path, method = 'GET', headers = {}, body }: Sent): Promise<number | undefined> {
  return new Promise((resolve) => {
    const length = body === undefined ? {} : { 'Content-Length': String(body.length) }
    const { hostname, port } = new URL(address)
    request(
      { hostname, port, path, method, agent, headers: { ...FORM, ...length, ...headers } },
      (response) => {
        response.resume().on('end', () => resolve(response.statusCode))
      },
    )
      .on('error', () => resolve(undefined))
      .end(body)
  })
}

// Only pages opened from this site are compressed.
const SAME_ORIGIN = { 'Sec-Fetch-Site': 'same-origin' }

const FORM = { 'Content-Type': 'application/x-www-form-urlencoded', 'Accept-Encoding': 'br' }

const tooLong: string[] = []
let asked = 0

/** Sends a request, and notes it if its least time was too long. */
async function measure(what: string, sent: Sent): Promise<number | undefined> {
  asked++
  let status: number | undefined
  let least = Number.POSITIVE_INFINITY
  for (let tries = 0; tries < TRIES && least > MOST; tries++) {
    const before = await timeSoFar()
    status = await send(sent)
    least = Math.min(least, (await timeSoFar()) - before)
  }
  if (least > MOST)
    tooLong.push(`${what}: ${least.toFixed(1)} ms for ${sent.method ?? 'GET'} ${sent.path.slice(0, 80)}`)
  return status
}

/** A logged-in user with open links, who can send anything. */
interface Attacker {
  name: string
  cookie: string
  /** The hidden fields of their forms. */
  hidden: Record<string, string>
  visitor: Visitor
}

let made = 0

async function newAttacker(): Promise<Attacker> {
  const visitor = new Visitor(address)
  const name = `attacker${++made}`
  await visitor.settle(name)
  for (const link of (await ask(name)) as string[]) await visitor.open(link)
  const page = await visitor.open('/account/name/')
  return { name, visitor, cookie: cookiesOf(visitor), hidden: hiddenOn(page) }
}

function cookiesOf({ agent }: Visitor): string {
  const access = { domain: new URL(address).hostname, path: '/', secure: false, script: false }
  return agent.jar.getCookies(access).toValueString()
}

function hiddenOn(page: Page): Record<string, string> {
  const inputs = page.$('main form').first().find('input[type=hidden]').toArray()
  return Object.fromEntries(inputs.map(({ attribs }) => [attribs.name ?? '', attribs.value ?? '']))
}

let current: Attacker | undefined

/** Returns the same attacker until their session ends. */
async function living(): Promise<Attacker> {
  const isAlive =
    current !== undefined && (await send({ path: '/account/', headers: { Cookie: current.cookie } })) === 200
  if (current === undefined || !isAlive) current = await newAttacker()
  return current
}

let half: Attacker | undefined

async function halfLoggedIn(): Promise<Attacker> {
  if (half !== undefined) return half
  const { name } = await newAttacker()
  await ask(`second ${name}`)
  const visitor = new Visitor(address)
  await visitor.logIn(name)
  const page = await visitor.open('/login/two-step/')
  half = { name, visitor, cookie: cookiesOf(visitor), hidden: hiddenOn(page) }
  return half
}

/** Returns an attacker who can open the form of this route. Two-step verification needs a confirmed address. */
async function readyFor({ path }: Route): Promise<Attacker> {
  if (path.startsWith('/login/two-step/')) return halfLoggedIn()
  const attacker = await living()
  if (path.startsWith('/account/authenticator/')) await ask(`confirm ${attacker.name}`)
  return attacker
}

interface Route {
  method: string
  path: string
}

const ROUTES: Route[] = [
  ...readFileSync(join(root, 'docs', 'routes.md'), 'utf8').matchAll(/^\| (GET|POST) \| `([^`]+)`/gm),
].map(([, method = '', path = '']) => ({ method, path }))

const filledIn = ({ path }: Route, part = 'unknown') => path.replaceAll(/:\w+/g, part)

function formOf({ hidden }: Attacker, typed: Record<string, string>): Buffer {
  // Not encoded, so that more of it fits.
  const encoded = (text: string) => text.replaceAll(/[%&+=]/g, encodeURIComponent)
  const fields = Object.entries({ ...hidden, ...typed }).map(([name, text]) => `${name}=${encoded(text)}`)
  return Buffer.from(fields.join('&'))
}

/** Returns the fields of the route's form, or of all forms if it has none. */
async function fieldsOf(attacker: Attacker, route: Route): Promise<string[]> {
  const path = filledIn(route).replace(/(?:verify|hints)\/$/, '')
  const page = await attacker.visitor.open(path)
  const hidden = hiddenOn(page)
  // A form names the account that its page was opened for.
  if (hidden._csrf !== undefined) Object.assign(attacker, { hidden, cookie: cookiesOf(attacker.visitor) })
  const pages = [page, await new Visitor(address).open(path)]
  const names = pages
    .flatMap(({ $ }) => $('main :is(input, button)').toArray())
    .map(({ attribs }) => attribs.name ?? '')
  return [...new Set([...names, '_typed'])].filter((name) => name !== '_csrf' && name !== '')
}

const ALL_FIELDS = [
  'username',
  'email',
  'password',
  'repassword',
  'current',
  'code',
  'name',
  'device',
  'keep',
  'next',
  'note',
]

function assertQuick(): void {
  const found = tooLong.splice(0)
  assert.equal(found, [], `${found.length} of ${asked} took too long`)
}

/** Its form needs a site where email addresses must be confirmed. */
const SIGNUP_BY_PASSKEY = '/signup/passkey/verify/'

test('in any field of any form gets a response quickly', async () => {
  const isOpen = ({ method, path }: Route) => method === 'POST' && path !== SIGNUP_BY_PASSKEY
  for (const route of ROUTES.filter(isOpen)) {
    // Earlier requests may have ended a link.
    current = undefined
    const fields = await fieldsOf(await readyFor(route), route)
    const path = filledIn(route)
    const statuses = new Set<number | undefined>()
    for (const [what, value] of Object.entries(VALUES)) {
      const attacker = await readyFor(route)
      for (const field of fields) {
        const body = formOf(attacker, { [field]: value })
        const sent = { ...route, path, headers: { Cookie: attacker.cookie }, body }
        statuses.add(await measure(`${field}, ${what}`, sent))
      }
    }
    for (const name of NAMES) {
      const attacker = await readyFor(route)
      const body = formOf(attacker, Object.fromEntries(ALL_FIELDS.map((field) => [field, name])))
      await measure(`all fields, ${name}`, { ...route, path, headers: { Cookie: attacker.cookie }, body })
    }
    assert.ok(
      [...statuses].some((status) => status !== 403),
      `${path} reads no field`,
    )
  }
  assertQuick()
})

test('with any body gets a response quickly', async () => {
  for (const route of ROUTES.filter(({ method }) => method === 'POST')) {
    const { cookie } = await living()
    for (const [body, headers] of BODIES) {
      const sent = { ...route, path: filledIn(route), headers: { Cookie: cookie, ...headers }, body }
      await measure(`body ${body.subarray(0, 20)}`, sent)
    }
  }
  assertQuick()
})

test('with any header gets a response quickly', async () => {
  assert.ok(ROUTES.length > 60, `${ROUTES.length} routes`)
  for (const route of ROUTES) {
    const attacker = await living()
    for (const [name, value] of HEADERS) {
      const headers = {
        Cookie: attacker.cookie,
        [name]: name === 'Cookie' ? `${attacker.cookie}; ${value}` : value,
      }
      const body = route.method === 'POST' ? { body: formOf(attacker, {}) } : {}
      await measure(`${name}: ${value.slice(0, 30)}`, { ...route, path: filledIn(route), headers, ...body })
    }
  }
  assertQuick()
})

test('with any URL gets a response quickly', async () => {
  for (const route of ROUTES) {
    const attacker = await living()
    const headers = { Cookie: attacker.cookie }
    const body = route.method === 'POST' ? { body: formOf(attacker, {}) } : {}
    const paths = [
      ...QUERIES.map((query) => `${filledIn(route)}?${query}`),
      ...PARTS.map((part) => (route.path.includes(':') ? filledIn(route, part) : `${route.path}${part}`)),
    ]
    for (const path of paths) await measure('address', { ...route, path, headers, ...body })
  }
  assertQuick()
})

test('to the pages of an account with as much as it can have gets a response quickly', async () => {
  const { name, cookie } = await newAttacker()
  await ask(`fill ${name}`)
  // A download is sent in many turns of the event loop.
  const isPage = ({ method, path }: Route) => method === 'GET' && /^\/account\/(?!export\/json\/)/.test(path)
  for (const route of ROUTES.filter(isPage)) {
    await measure('page', { ...route, path: filledIn(route), headers: { Cookie: cookie, ...SAME_ORIGIN } })
  }
  assertQuick()
})

test('in the passkey of a sign-up gets a response quickly', async () => {
  await stop()
  await start({ EMAIL_CONFIRMATION: 'required' })
  for (const [what, value] of Object.entries(VALUES)) {
    const visitor = new Visitor(address)
    const typed = { username: 'newcomer', email: 'newcomer@example.com' }
    const form = new URLSearchParams({ ...hiddenOn(await visitor.open('/signup/')), ...typed })
    await visitor.post('/signup/passkey/', form.toString())
    const page = await visitor.open('/signup/passkey/')
    const attacker = { name: '', visitor, cookie: cookiesOf(visitor), hidden: hiddenOn(page) }
    const body = formOf(attacker, { credential: value })
    const sent = { path: SIGNUP_BY_PASSKEY, method: 'POST', headers: { Cookie: attacker.cookie }, body }
    const status = await measure(`credential, ${what}`, sent)
    assert.is(status === undefined || status === 406 || status === 413, true, `${what}: ${status}`)
  }
  assertQuick()
})

test.run()
