import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import BetterSqlite3 from 'better-sqlite3'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { addressOf, launchSite, type Program, status } from './program.js'

const KEY = `${'k'.repeat(42)}A`

interface Context {
  folder: string
  file: string
  started: Program[]
}

const test = suite<Context>('start')

test.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), 'gatehouse-test-'))
  context.file = join(context.folder, 'site.sqlite')
  context.started = []
})

test.after.each(async ({ folder, started }) => {
  for (const program of started) program.signal('SIGINT')
  await Promise.all(started.map(({ end }) => end))
  rmSync(folder, { recursive: true })
})

/** A site with a database of its own, that listens where there is room. */
function launch({ folder, file }: Context, env: Record<string, string> = {}): Program {
  return launchSite(folder, { DATABASE_URL: `sqlite:${file}`, ...env })
}

async function start(context: Context): Promise<string> {
  const program = launch(context)
  context.started.push(program)
  return addressOf(program)
}

/** The site did not start; every line but the first is a sentence. */
async function refusal(program: Program): Promise<string[]> {
  assert.is(await program.end, 1)
  assert.not.match(program.stderr, /^\s+at /m)
  assert.not.match(program.stdout, 'listens')
  const [, ...sentences] = program.stderr.trimEnd().split('\n')
  for (const sentence of sentences) assert.match(sentence, /^[A-Z].* .*/)
  return sentences
}

test('says where it listens, and answers there', async (context) => {
  const address = await start(context)
  assert.is(await status(`${address}/healthz`), 200)
  assert.is(await status(`${address}/readyz`), 200)
  assert.is(await status(`${address}/`), 200)
  assert.ok(existsSync(context.file))
  assert.is(statSync(`${context.file}.key`).mode & 0o777, 0o600)
})

test('answers what is no request with the headers of all others', async (context) => {
  const address = await start(context)
  const socket = connect(Number(new URL(address).port), '127.0.0.1')
  socket.end(`GET / HTTP/1.1\r\nHost: x\r\nCookie: ${'a'.repeat(20_000)}\r\n\r\n`)
  const [answer] = await once(socket.setEncoding('utf8'), 'data')
  assert.match(String(answer), /^HTTP\/1\.1 431 /)
  assert.match(String(answer), "Content-Security-Policy: default-src 'none'")
})

test('tells all wrong settings at once, a sentence each, and nothing else', async (context) => {
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
  assert.not.ok(existsSync(context.file))
})

test('asks for the public address in production', async (context) => {
  const [sentence, ...others] = await refusal(launch(context, { NODE_ENV: 'production' }))
  assert.match(sentence ?? '', /^BASE_URL /)
  assert.equal(others, [])
})

test('names the port that another program has', async (context) => {
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

test('names a file that is no database, and leaves it byte for byte as it was', async (context) => {
  const content = Buffer.from('This is a letter, and no database at all.\n'.repeat(300))
  writeFileSync(context.file, content, { mode: 0o640 })
  const before = statSync(context.file)
  const sentences = await refusal(launch(context))
  assert.is(sentences.length, 1)
  assert.match(sentences[0] ?? '', 'DATABASE_URL')
  assert.match(sentences[0] ?? '', context.file)
  assert.ok(readFileSync(context.file).equals(content))
  assert.is(statSync(context.file).mtimeMs, before.mtimeMs)
  assert.is(statSync(context.file).mode, before.mode)
})

test('names a folder that cannot be made', async (context) => {
  const obstacle = join(context.folder, 'letter')
  writeFileSync(obstacle, '')
  const sentences = await refusal(launch(context, { DATABASE_URL: `sqlite:${obstacle}/data/site.sqlite` }))
  assert.is(sentences.length, 1)
  assert.match(sentences[0] ?? '', 'DATABASE_URL')
  assert.match(sentences[0] ?? '', obstacle)
})

for (const [what, content] of [
  ['cut', `${KEY.slice(0, 20)}\n`],
  ['empty', ''],
  ['binary', Buffer.from([0, 255, 1, 254])],
] as const) {
  test(`names a key file that is ${what}, and leaves it alone`, async (context) => {
    const keyFile = `${context.file}.key`
    writeFileSync(keyFile, content)
    const sentences = await refusal(launch(context))
    assert.is(sentences.length, 1)
    assert.match(sentences[0] ?? '', keyFile)
    assert.ok(readFileSync(keyFile).equals(Buffer.from(content)))
  })
}

test('names a folder that lies where the key file should', async (context) => {
  mkdirSync(`${context.file}.key`)
  const sentences = await refusal(launch(context))
  assert.match(sentences[0] ?? '', `${context.file}.key`)
})

test('reads .env in its working directory, and prefers what is set already', async (context) => {
  const other = join(context.folder, 'other.sqlite')
  writeFileSync(
    join(context.folder, '.env'),
    `# The site's settings\nDATABASE_URL=sqlite:other.sqlite\nSESSION_KEYS=${KEY}\nPORT=wrong\n`,
  )
  const program = launchSite(context.folder, {})
  context.started.push(program)
  await addressOf(program)
  assert.ok(existsSync(other))
  assert.not.ok(existsSync(`${other}.key`))
})

test('runs twice on one empty database that both make at once', async (context) => {
  const sites = await Promise.all([start(context), start(context)])
  for (const address of sites) assert.is(await status(`${address}/readyz`), 200)
  const tables = rows(
    context.file,
    "select name from sqlite_master where name in ('users', 'slugs', 'sessions')",
  )
  assert.is(tables.length, 3)
})

function rows(file: string, query: string): unknown[] {
  const reader = new BetterSqlite3(file)
  try {
    return reader.prepare(query).all()
  } finally {
    reader.close()
  }
}

test.run()
