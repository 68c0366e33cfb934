import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { freshDatabase, settingsFor } from './databases.js'
import { Visitor } from './helpers.js'
import { addressOf, launchSite, type Program, refusal, status } from './program.js'

interface Context {
  url: string
}

const test = suite<Context>('several processes')

test.before.each(async (context) => {
  context.url = await freshDatabase()
})

/** The site in two processes, and a primary beside them. */
function launch({ url }: Context, env: Record<string, string> = {}): Program {
  return launchSite(tmpdir(), { ...settingsFor(url), WEB_CONCURRENCY: '2', ...env })
}

/** The processes that have answered so far, as the log tells. */
function answering({ stdout }: Program): Set<string> {
  const pids = stdout.matchAll(/"pid":(\d+),[^\n]*"msg":"request"/g)
  return new Set([...pids].map(([, pid = '']) => pid))
}

/** Asks until another process than those has answered. */
async function anotherOf(site: Program, address: string, known: ReadonlySet<string>): Promise<string> {
  for (const end = performance.now() + 5_000; performance.now() < end; ) {
    await status(`${address}/healthz`).catch(() => undefined)
    const found = [...answering(site)].find((pid) => !known.has(pid))
    if (found !== undefined) return found
  }
  throw new Error(`Nobody else answers within 5 s:\n${site.stdout}`)
}

async function bothOf(site: Program, address: string): Promise<[string, string]> {
  const one = await anotherOf(site, address, new Set())
  return [one, await anotherOf(site, address, new Set([one]))]
}

test('serve one site: it says once where, both answer, and one that is killed is replaced within 5 s', async (context) => {
  const site = launch(context)
  try {
    const address = await addressOf(site)
    const [one, other] = await bothOf(site, address)
    assert.is((await new Visitor(address).signUp('Anna')).status, 303)
    process.kill(Number(one), 'SIGKILL')
    await anotherOf(site, address, new Set([one, other]))
    assert.is((await new Visitor(address).logIn('Anna')).status, 303)
  } finally {
    site.signal('SIGTERM')
  }
  assert.is(await site.end, 0)
  assert.is(site.stderr, '')
  assert.is(site.stdout.match(/listens on/g)?.length, 1)
  assert.is(site.stdout.match(/another one takes its place/g)?.length, 1)
})

for (const [what, env, sentence] of [
  [
    'a wrong setting',
    { WEB_CONCURRENCY: 'many' },
    /^WEB_CONCURRENCY has to be a whole number from 1 to 512, or auto\.$/,
  ],
  ['a folder that cannot be made', { DATABASE_URL: 'sqlite:/dev/null/site.sqlite' }, /DATABASE_URL/],
] as const) {
  test(`say once that ${what} keeps them from starting`, async (context) => {
    const sentences = await refusal(launch(context, env))
    assert.is(sentences.length, 1)
    assert.match(sentences[0] ?? '', sentence)
  })
}

test('say once that another program has the port', async (context) => {
  const other = createServer()
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
  const { port } = other.address() as AddressInfo
  const sentences = await refusal(launch(context, { PORT: `${port}` }))
  assert.equal(sentences, [`PORT ${port} on 127.0.0.1 is in use by another program.`])
  await new Promise((resolve) => other.close(resolve))
})

test.run()
