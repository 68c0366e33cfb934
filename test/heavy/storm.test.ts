import { readFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { tmpdir } from 'node:os'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { settingsFor } from '../support/databases.js'
import { freshDatabase, PASSWORD, Visitor } from '../support/helpers.js'
import { addressOf, launchSite } from '../support/program.js'

const test = suite('a flood of logins')

const WRONG_LOGINS = 10_000
const AT_ONCE = 32

/** Sends wrong logins for one username, each from another network, and returns the count of each status. */
async function storm(address: string, visitor: Visitor): Promise<Map<number, number>> {
  const form = await visitor.open('/login/')
  const fields = { _csrf: form.value('_csrf') ?? '', username: 'Anna', password: 'wrong' }
  const body = new URLSearchParams(fields).toString()
  const cookie = form.cookieHeader
  const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE })
  const statuses = new Map<number, number>()
  let sent = 0
  const sendOn = async () => {
    while (sent < WRONG_LOGINS) {
      const status = await post(`${address}/login/verify/`, { agent, body, cookie, network: sent++ })
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, sendOn))
  agent.destroy()
  return statuses
}

interface Posted {
  agent: Agent
  body: string
  cookie: string
  network: number
}

function post(url: string, { agent, body, cookie, network }: Posted): Promise<number> {
  const headers = {
    Cookie: cookie,
    'Content-Type': 'application/x-www-form-urlencoded',
    'Content-Length': Buffer.byteLength(body),
    'X-Forwarded-For': `10.${network >> 16}.${(network >> 8) & 255}.${network & 255}`,
  }
  return new Promise((resolve, reject) => {
    request(url, { method: 'POST', agent, headers }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode ?? 0))
    })
      .on('error', reject)
      .end(body)
  })
}

/** Returns the memory of a process in MiB, or 0 if the system does not show it. */
function memoryOf(pid: number | undefined): number {
  if (process.platform !== 'linux') return 0
  const [, kilobytes = ''] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kilobytes) / 1024
}

/** Opens pages, one after another, until the flood is over, and returns how long each took. */
async function openPages(address: string, raging: Promise<unknown>): Promise<number[]> {
  const durations: number[] = []
  let over = false
  void raging.finally(() => {
    over = true
  })
  while (!over) {
    const start = performance.now()
    assert.is((await new Visitor(address).open('/login/')).status, 200)
    durations.push(performance.now() - start)
  }
  return durations.sort((one, other) => one - other)
}

async function throughStorm(address: string, pid: number | undefined): Promise<void> {
  const owner = await new Visitor(address).settle('Anna')
  await owner.send(await owner.open('/logout/'))
  const before = memoryOf(pid)
  const raging = storm(address, new Visitor(address))
  const opening = openPages(address, raging)
  assert.is((await owner.logIn('Anna', { password: PASSWORD })).status, 303, 'the owner logs in')
  const statuses = await raging
  const durations = await opening
  // The machine is busy, so only the median and the slowest page count.
  assert.ok((durations[durations.length >> 1] ?? 0) < 2_000, `pages took ${durations}`)
  assert.ok((durations.at(-1) ?? 0) < 20_000, `pages took ${durations}`)
  assert.is(statuses.get(406), 50, 'the limit per hour')
  assert.is(statuses.get(429), WRONG_LOGINS - 50)
  const after = memoryOf(pid)
  assert.ok(after < 512 && after - before < 200, `memory went from ${before} to ${after} MiB`)
}

test('pages are served, the owner logs in on a known device, memory stays flat', async () => {
  const site = launchSite(tmpdir(), {
    ...settingsFor(await freshDatabase()),
    TRUST_PROXY: '1',
    NODE_ENV: 'production',
    BASE_URL: 'http://accounts.example',
    MAIL: 'off',
    HOST: '127.0.0.1',
  })
  try {
    await throughStorm(await addressOf(site), site.pid)
  } finally {
    site.signal('SIGTERM')
  }
  assert.is(await site.end, 0)
})

test.run()
