import { once } from 'node:events'
import { Agent, type ClientRequest, request } from 'node:http'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import * as cheerio from 'cheerio'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { settingsFor } from '../support/databases.js'
import { migratedDatabase } from '../support/helpers.js'
import { addressOf, launchSite, type Program, status } from '../support/program.js'

interface Launched {
  program: Program
  address: string
}

const test = suite('stop')
const started: Program[] = []

async function launched(env: Record<string, string> = {}): Promise<Launched> {
  const settings = { ...settingsFor(await migratedDatabase()), RATE_LIMITS: 'off' }
  const program = launchSite(tmpdir(), { ...settings, ...env })
  started.push(program)
  return { program, address: await addressOf(program) }
}

// Only a site that did not stop still runs.
test.after.each(async () => {
  for (const program of started.splice(0)) {
    program.signal('SIGKILL')
    await program.end
  }
})

for (const [signal, times] of [
  ['SIGTERM', 'once'],
  ['SIGTERM', 'twice'],
  ['SIGINT', 'once'],
  ['SIGINT', 'twice'],
] as const) {
  test(`finishes accepted requests after ${signal} ${times}`, async () => {
    const { program, address } = await launched()
    const login = await slowLogin(address)
    program.signal(signal)
    if (signal === 'SIGTERM') await until(`${address}/readyz`, 503)
    else await until(`${address}/healthz`, undefined)
    // Ctrl-C reaches the site directly and once more through npm.
    if (times === 'twice') program.signal(signal)
    await until(`${address}/healthz`, undefined)
    assert.is(await login.finish(), 406, 'the login is refused: the user does not exist')
    assert.is(await program.end, 0)
    assert.is(program.stderr, '')
  })
}

for (const [who, env] of [
  ['one process', {}],
  ['several workers', { WEB_CONCURRENCY: '2' }],
] as const) {
  test(`${who}: every accepted request gets its complete response`, async () => {
    const { program, address } = await launched(env)
    const slow = await slowLogin(address)
    const form = await loginForm(address)
    const clients = Array.from({ length: 6 }, () => keepPosting(address, form))
    await program.says(/"route":"\/login\/verify\/"/)
    program.signal('SIGTERM')
    await until(`${address}/readyz`, 503)
    program.signal('SIGTERM')
    const responses = [await slow.finish(), ...(await Promise.all(clients)).flat()]
    assert.is(await program.end, 0)
    const taken = [...program.stdout.matchAll(/"POST".*"status":(\w+)/g)].map(([, status]) => Number(status))
    assert.equal(
      responses.filter((response) => typeof response === 'number'),
      taken,
    )
    assert.equal(new Set(taken), new Set([406]), 'the login is refused: the user does not exist')
    assert.is(program.stderr, '')
    assert.not.match(program.stdout, 'takes its place')
  })
}

test('workers that lose their primary finish their requests and exit', async () => {
  const { program, address } = await launched({ WEB_CONCURRENCY: '2' })
  const login = await slowLogin(address)
  program.signal('SIGKILL')
  await until(`${address}/healthz`, undefined)
  assert.is(await login.finish(), 406, 'the login is refused: the user does not exist')
  // All processes share the output, so it ends when the last one has.
  assert.is(await program.end, 'SIGKILL')
})

test('responds with Connection: close while it shuts down', async () => {
  const { program, address } = await launched()
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const response = (path: string) =>
    new Promise<string | undefined>((resolve, reject) => {
      request(address + path, { agent }, (response) => {
        response.resume().on('end', () => resolve(response.headers.connection))
      })
        .on('error', reject)
        .end()
    })
  assert.is(await response('/login/'), 'keep-alive')
  program.signal('SIGTERM')
  await until(`${address}/readyz`, 503)
  assert.is(await response('/login/'), 'close')
  assert.is(await program.end, 0)
})

test('waits at most 10 s for a body that never comes', async () => {
  const { program, address } = await launched()
  const login = await slowLogin(address)
  const begin = performance.now()
  program.signal('SIGTERM')
  assert.is(await program.end, 0)
  assert.ok(performance.now() - begin < 10_000)
  // Not the 408 that it would get after a minute.
  assert.type(await login.finish(), 'string')
})

test('closes idle connections while it waits for a request', async () => {
  const { program, address } = await launched()
  const login = await slowLogin(address)
  const agent = new Agent({ keepAlive: true })
  const idle = await new Promise<Socket>((resolve, reject) => {
    request(`${address}/healthz`, { agent }, (response) => {
      const { socket } = response
      response.resume().on('end', () => resolve(socket))
    })
      .on('error', reject)
      .end()
  })
  const isClosed = once(idle, 'close')
  program.signal('SIGINT')
  await isClosed
  // After its timeout it would close this one, too.
  assert.is(await login.finish(), 406)
  assert.is(await program.end, 0)
})

test('serves requests while the load balancer notices the shutdown', async () => {
  const { program, address } = await launched()
  program.signal('SIGTERM')
  await until(`${address}/readyz`, 503)
  assert.is(await status(`${address}/healthz`), 200)
  assert.is(await status(`${address}/login/`), 200)
  assert.is(await program.end, 0)
})

/** Sends requests until the status is `wanted`. Undefined means that nothing listens. */
async function until(address: string, wanted: number | undefined): Promise<void> {
  const end = performance.now() + 8000
  while ((await status(address).catch(() => undefined)) !== wanted) {
    assert.ok(performance.now() < end, `${address} never responded with ${wanted}`)
  }
}

interface SlowRequest {
  /** Sends the rest, and returns what `responseTo` returns. */
  finish(): Promise<number | string | undefined>
}

/** Posts the form on one connection until nothing listens, and returns all outcomes. */
async function keepPosting(address: string, form: LoginForm): Promise<(number | string | undefined)[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const responses = []
  for (;;) {
    const login = posting(address, form, agent)
    const response = outcomeOf(login)
    login.end(form.body)
    responses.push(await response)
    if (/ECONNREFUSED/.test(`${responses.at(-1)}`)) return responses
  }
}

interface LoginForm {
  body: string
  cookies: string[]
}

async function loginForm(address: string): Promise<LoginForm> {
  const page = await fetch(`${address}/login/`)
  const fields = new URLSearchParams(
    cheerio
      .load(await page.text())('main form')
      .serialize(),
  )
  fields.set('username', 'anna')
  fields.set('password', 'correct horse 42')
  const cookies = page.headers.getSetCookie().map((cookie) => cookie.split(';', 1)[0] ?? '')
  return { body: fields.toString(), cookies }
}

function posting(address: string, { body, cookies }: LoginForm, agent: Agent | false): ClientRequest {
  const login = request(`${address}/login/verify/`, { method: 'POST', agent })
  login.setHeader('Content-Type', 'application/x-www-form-urlencoded')
  login.setHeader('Content-Length', body.length)
  return login.setHeader('Cookie', cookies)
}

/** Sends the first part of a login, like a slow phone. */
async function slowLogin(address: string): Promise<SlowRequest> {
  const form = await loginForm(address)
  const { body } = form
  const login = posting(address, form, false)
  const response = outcomeOf(login)
  await new Promise<void>((resolve) => login.write(body.slice(0, 10), () => resolve()))
  return {
    finish() {
      login.end(body.slice(10))
      return response
    },
  }
}

/** Returns the status after the whole response, or the error. */
function outcomeOf(sent: ClientRequest): Promise<number | string | undefined> {
  return new Promise((resolve) => {
    sent.on('error', (error) => resolve(error.message))
    sent.on('response', (response) => {
      response.resume().on('end', () => resolve(response.statusCode))
      response.on('close', () => resolve('cut off'))
    })
  })
}

test.run()
