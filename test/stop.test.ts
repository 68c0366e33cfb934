import { type ClientRequest, request } from 'node:http'
import { tmpdir } from 'node:os'
import * as cheerio from 'cheerio'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { settingsFor } from './databases.js'
import { freshDatabase } from './helpers.js'
import { addressOf, launchSite, type Program, status } from './program.js'

interface Context {
  program: Program
  address: string
}

const test = suite<Context>('stop')

async function launched(env: Record<string, string> = {}): Promise<Context> {
  const program = launchSite(tmpdir(), { ...settingsFor(await freshDatabase()), ...env })
  return { program, address: await addressOf(program) }
}

test.before.each(async (context) => void Object.assign(context, await launched()))

// Only a site that failed to stop still runs by now.
test.after.each(async ({ program }) => {
  program.signal('SIGKILL')
  await program.end
})

for (const [signal, times] of [
  ['SIGTERM', 'once'],
  ['SIGTERM', 'twice'],
  ['SIGINT', 'once'],
  ['SIGINT', 'twice'],
] as const) {
  test(`answers what it has taken before it ends, asked by ${signal} ${times}`, async ({
    program,
    address,
  }) => {
    const login = await slowLogin(address)
    const begin = performance.now()
    program.signal(signal)
    if (signal === 'SIGTERM') await until(`${address}/readyz`, 503)
    else await until(`${address}/healthz`, undefined)
    // As when Ctrl-C reaches the site by itself and once more by way of npm.
    if (times === 'twice') program.signal(signal)
    await until(`${address}/healthz`, undefined)
    assert.is(await login.finish(), 406, 'there is no such user')
    assert.is(await program.end, 0)
    assert.ok(performance.now() - begin < 10_000)
    assert.is(program.stderr, '')
  })
}

test('several processes answer what they have taken, also when they lose their primary, and none is left', async () => {
  for (const [signal, end] of [
    ['SIGTERM', 0],
    ['SIGINT', 0],
    ['SIGKILL', 'SIGKILL'],
  ] as const) {
    const { program, address } = await launched({ WEB_CONCURRENCY: '2' })
    const login = await slowLogin(address)
    const begin = performance.now()
    program.signal(signal)
    await until(`${address}/healthz`, undefined)
    if (signal !== 'SIGKILL') program.signal(signal)
    assert.is(await login.finish(), 406, 'there is no such user')
    // The output of all is one: it has ended when all have.
    assert.is(await program.end, end)
    assert.ok(performance.now() - begin < 10_000)
    assert.is(program.stderr, '')
    assert.not.match(program.stdout, 'takes its place')
  }
})

test('does not wait longer than 10 s for a body that never comes', async ({ program, address }) => {
  const login = await slowLogin(address)
  const begin = performance.now()
  program.signal('SIGTERM')
  assert.is(await program.end, 0)
  assert.ok(performance.now() - begin < 10_000)
  assert.type(await login.finish(), 'string')
})

test('does not wait for a browser that keeps its connection', async ({ program, address }) => {
  await fetch(`${address}/healthz`)
  const begin = performance.now()
  program.signal('SIGINT')
  assert.is(await program.end, 0)
  assert.ok(performance.now() - begin < 3000)
})

test('goes on answering while the balancer is told', async ({ program, address }) => {
  program.signal('SIGTERM')
  await until(`${address}/readyz`, 503)
  assert.is(await status(`${address}/healthz`), 200)
  assert.is(await status(`${address}/login/`), 200)
  assert.is(await program.end, 0)
})

/** Asks again and again until the answer is the wanted one; undefined stands for "nobody listens any more". */
async function until(address: string, wanted: number | undefined): Promise<void> {
  const end = performance.now() + 8000
  while ((await status(address).catch(() => undefined)) !== wanted) {
    assert.ok(performance.now() < end, `${address} never came to answer ${wanted}`)
  }
}

interface SlowRequest {
  /** Sends the rest, and answers as `answerTo`. */
  finish(): Promise<number | string | undefined>
}

/** Begins to send a login whose end comes later, as from a slow phone. */
async function slowLogin(address: string): Promise<SlowRequest> {
  const page = await fetch(`${address}/login/`)
  const fields = new URLSearchParams(
    cheerio
      .load(await page.text())('main form')
      .serialize(),
  )
  fields.set('username', 'anna')
  fields.set('password', 'correct horse 42')
  const body = fields.toString()
  const login = request(`${address}/login/verify/`, { method: 'POST', agent: false })
  login.setHeader('Content-Type', 'application/x-www-form-urlencoded')
  login.setHeader('Content-Length', body.length)
  login.setHeader(
    'Cookie',
    page.headers.getSetCookie().map((cookie) => cookie.split(';', 1)[0] ?? ''),
  )
  const answer = answerTo(login)
  await new Promise<void>((resolve) => login.write(body.slice(0, 10), () => resolve()))
  return {
    finish() {
      login.end(body.slice(10))
      return answer
    },
  }
}

/** The status, or what went wrong instead. */
function answerTo(sent: ClientRequest): Promise<number | string | undefined> {
  return new Promise((resolve) => {
    sent.on('error', (error) => resolve(error.message))
    sent.on('response', (response) => {
      response.resume().on('end', () => resolve(response.statusCode))
    })
  })
}

test.run()
