import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { migrations } from '../../db/migrations/index.js'
import { freshDatabase, rows, settingsFor } from '../support/databases.js'
import { Visitor } from '../support/helpers.js'
import { freePort } from '../support/postgres.js'
import { addressOf, launchSite, type Program, refusal, status } from '../support/program.js'

const KEY = `${'k'.repeat(42)}A`

interface Context {
  folder: string
  url: string
  started: Program[]
}

const test = suite<Context>('start')

test.before.each(async (context) => {
  context.folder = mkdtempSync(join(tmpdir(), 'gatehouse-test-'))
  context.url = await freshDatabase()
  context.started = []
})

test.after.each(async ({ folder, started }) => {
  for (const program of started) program.signal('SIGINT')
  await Promise.all(started.map(({ end }) => end))
  rmSync(folder, { recursive: true })
})

/** Starts a site with its own database on a free port. */
function launch({ folder, url }: Context, env: Record<string, string> = {}): Program {
  return launchSite(folder, { ...settingsFor(url), ...env })
}

async function start(context: Context): Promise<string> {
  const program = launch(context)
  context.started.push(program)
  return addressOf(program)
}

test('prints its address and responds there', async (context) => {
  const address = await start(context)
  assert.is(await status(`${address}/healthz`), 200)
  assert.is(await status(`${address}/readyz`), 200)
  assert.is(await status(`${address}/`), 200)
})

test('prints where passkeys work, and the page there offers them', async (context) => {
  const program = launch(context)
  context.started.push(program)
  const [, printed = ''] = await program.says(/^Passkeys work at (http:\/\/localhost:\d+)\/ only/m)
  const offered = async (address: string) => {
    const page = await new Visitor(address).open('/login/')
    return page.$('[data-passkey]').length
  }
  assert.is(await offered(printed), 1)
  assert.is(await offered(await addressOf(program)), 0)
})

test('responds to a broken request with the usual headers', async (context) => {
  const address = await start(context)
  const socket = connect(Number(new URL(address).port), '127.0.0.1')
  socket.end(`GET / HTTP/1.1\r\nHost: x\r\nCookie: ${'a'.repeat(20_000)}\r\n\r\n`)
  const [response] = await once(socket.setEncoding('utf8'), 'data')
  assert.match(String(response), /^HTTP\/1\.1 431 /)
  assert.match(String(response), "Content-Security-Policy: default-src 'none'")
})

test('reports all wrong settings at once, one sentence each', async (context) => {
  const env = {
    PORT: 'http',
    DATABASE_URL: 'mysql://a',
    SESSION_KEYS: 'short-secret',
    LOG_LEVEL: 'loud',
    TRUST_PROXY: '-1',
  }
  const program = launch(context, env)
  const sentences = await refusal(program)
  assert.equal(sentences.map((sentence) => sentence.split(' ', 1)[0]).sort(), Object.keys(env).sort())
  assert.not.match(program.stderr, 'short-secret')
})

test('production needs BASE_URL', async (context) => {
  const [sentence, ...others] = await refusal(launch(context, { NODE_ENV: 'production', MAIL: 'off' }))
  assert.match(sentence ?? '', /^BASE_URL /)
  assert.equal(others, [])
})

test('production needs SMTP_URL or MAIL=off', async (context) => {
  const production = { NODE_ENV: 'production', BASE_URL: 'https://example.com', HOST: '127.0.0.1' }
  const [sentence, ...others] = await refusal(launch(context, production))
  assert.match(sentence ?? '', /^SMTP_URL .+MAIL=off/)
  assert.equal(others, [])
  const program = launch(context, { ...production, MAIL: 'off' })
  context.started.push(program)
  await addressOf(program)
})

test('never logs the password of the mail server', async (context) => {
  const program = launch(context, {
    SMTP_URL: 'smtp://anna:very-secret@127.0.0.1:1',
    BASE_URL: 'http://127.0.0.1:3000',
    LOG_LEVEL: 'trace',
  })
  context.started.push(program)
  await new Visitor(await addressOf(program)).signUp('Anna')
  await program.says(/mail server unavailable/)
  assert.not.match(program.stdout + program.stderr, 'very-secret')
})

test('names a port that is in use', async (context) => {
  const other = createServer()
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
  const { port } = other.address() as AddressInfo
  try {
    const sentences = await refusal(launch(context, { PORT: `${port}` }))
    assert.is(sentences.length, 1)
    assert.match(sentences[0] ?? '', `PORT ${port}`)
  } finally {
    await new Promise((resolve) => other.close(resolve))
  }
})

test('ends when its port is in use, although its metrics are served', async (context) => {
  const other = createServer()
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
  const { port } = other.address() as AddressInfo
  try {
    const program = launch(context, { PORT: `${port}`, METRICS_PORT: `${await freePort()}` })
    assert.match((await refusal(program)).join(), `PORT ${port}`)
  } finally {
    await new Promise((resolve) => other.close(resolve))
  }
})

test('reads .env in its working directory; environment variables take precedence', async (context) => {
  const settings = Object.entries(settingsFor(context.url)).map(([name, value]) => `${name}=${value}`)
  writeFileSync(
    join(context.folder, '.env'),
    `# The site's settings\n${settings.join('\n')}\nSESSION_KEYS=${KEY}\nPORT=wrong\n`,
  )
  const program = launchSite(context.folder, {})
  context.started.push(program)
  await addressOf(program)
  assert.equal(await rows(context.url, 'select * from users'), [])
})

test('two sites can start in parallel on one empty database', async (context) => {
  const sites = await Promise.all([start(context), start(context)])
  for (const address of sites) assert.is(await status(`${address}/readyz`), 200)
  const ran = await rows<{ name: string }>(context.url, 'select name from kysely_migration order by name')
  assert.equal(
    ran.map(({ name }) => name),
    Object.keys(migrations),
  )
})

test.run()
