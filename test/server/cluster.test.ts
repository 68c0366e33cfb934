import { once } from 'node:events'
import { existsSync, statSync } from 'node:fs'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { freshDatabase, settingsFor } from '../support/databases.js'
import { Visitor } from '../support/helpers.js'
import { addressOf, launchSite, type Program, refusal, status } from '../support/program.js'

interface Context {
  url: string
  started: Program[]
}

const test = suite<Context>('several workers')

test.before.each(async (context) => {
  context.url = await freshDatabase()
  context.started = []
})

// Only a site that did not exit still runs.
test.after.each(({ started }) => {
  for (const site of started) site.signal('SIGKILL')
})

/** Starts the site as a primary and two workers. */
function launch({ url, started }: Context, env: Record<string, string> = {}): Program {
  const site = launchSite(tmpdir(), { ...settingsFor(url), WEB_CONCURRENCY: '2', ...env })
  started.push(site)
  return site
}

/** Returns the processes that have responded so far, from the log. */
function respondingIn({ stdout }: Program): Set<string> {
  const pids = stdout.matchAll(/"pid":(\d+),[^\n]*"msg":"request"/g)
  return new Set([...pids].map(([, pid = '']) => pid))
}

/** Sends requests until a process that is not `known` has responded. */
async function anotherOf(site: Program, address: string, known: ReadonlySet<string>): Promise<string> {
  for (const end = performance.now() + 30_000; performance.now() < end; ) {
    await status(`${address}/healthz`).catch(() => undefined)
    const found = [...respondingIn(site)].find((pid) => !known.has(pid))
    if (found !== undefined) return found
  }
  throw new Error(`No other process responds:\n${site.stdout}`)
}

async function bothOf(site: Program, address: string): Promise<[string, string]> {
  const one = await anotherOf(site, address, new Set())
  return [one, await anotherOf(site, address, new Set([one]))]
}

/** In milliseconds. A busy machine gets as long as its first start took. */
const REPLACED_WITHIN = 5_000

test('both workers respond, and a killed one is replaced, each time after a longer pause', async (context) => {
  const begin = performance.now()
  const site = launch(context)
  try {
    const address = await addressOf(site)
    const allowed = Math.max(REPLACED_WITHIN, performance.now() - begin)
    const known = new Set(await bothOf(site, address))
    assert.is((await new Visitor(address).signUp('Anna')).status, 303)
    let [killed = ''] = known
    for (const _ of [1, 2, 3]) {
      const death = performance.now()
      process.kill(Number(killed), 'SIGKILL')
      killed = await anotherOf(site, address, known)
      assert.ok(performance.now() - death < allowed, `${performance.now() - death} ms`)
      known.add(killed)
    }
    assert.is((await new Visitor(address).logIn('Anna')).status, 303)
  } finally {
    site.signal('SIGTERM')
  }
  assert.is(await site.end, 0)
  assert.is(site.stderr, '')
  assert.is(site.stdout.match(/is running at/g)?.length, 1)
  const waits = site.stdout.matchAll(/"wait":(\d+),"msg":"worker exited: starting another"/g)
  assert.equal(
    [...waits].map(([, wait]) => Number(wait)),
    [0, 250, 500],
  )
})

test('visitors are served while silent connections fill every worker', async (context) => {
  const places = 50
  const site = launch(context, { MAX_CONNECTIONS: `${places}` })
  const address = await addressOf(site)
  await bothOf(site, address)
  const { hostname, port } = new URL(address)
  const silent = Array.from({ length: 4 * places }, () =>
    connect(Number(port), hostname).on('error', () => {}),
  )
  try {
    // Now both workers are full, or one of them has accepted all connections.
    await Promise.all(silent.map((socket) => once(socket, 'connect')))
    for (let visit = 0; visit < 10; visit++) assert.is(await status(`${address}/login/`), 200)
  } finally {
    for (const socket of silent) socket.destroy()
    site.signal('SIGTERM')
  }
  assert.is(await site.end, 0)
})

for (const [what, env, sentence] of [
  [
    'a wrong setting',
    { WEB_CONCURRENCY: 'many' },
    /^WEB_CONCURRENCY must be a whole number from 1 to 512, or auto\.$/,
  ],
  ['a folder that cannot be created', { DATABASE_URL: 'sqlite:/dev/null/site.sqlite' }, /DATABASE_URL/],
] as const) {
  test(`${what} is reported once`, async (context) => {
    const sentences = await refusal(launch(context, env))
    assert.is(sentences.length, 1)
    assert.match(sentences[0] ?? '', sentence)
  })
}

test('a port in use is reported once', async (context) => {
  const other = createServer()
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
  const { port } = other.address() as AddressInfo
  const sentences = await refusal(launch(context, { PORT: `${port}` }))
  assert.equal(sentences, [`PORT ${port} on 127.0.0.1 is already in use.`])
  await new Promise((resolve) => other.close(resolve))
})

test('SQLite’s log is moved into its file on shutdown', async (context) => {
  const site = launch(context)
  const address = await addressOf(site)
  await new Visitor(address).signUp('Anna')
  site.signal('SIGTERM')
  assert.is(await site.end, 0)
  const log = `${context.url.slice('sqlite:'.length)}-wal`
  assert.ok(!existsSync(log) || statSync(log).size === 0)
})

test.run()
