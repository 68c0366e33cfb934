import { readFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { tmpdir } from 'node:os'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { settingsFor } from './databases.js'
import { freshDatabase, PASSWORD, Visitor } from './helpers.js'
import { addressOf, launchSite } from './program.js'

const test = suite('a storm of logins')

const WRONG_LOGINS = 10_000
const AT_ONCE = 64

/** Sends wrong logins for one name, each from a network of its own, and answers how many got which status. */
async function storm(address: string, visitor: Visitor): Promise<Map<number, number>> {
  const form = await visitor.open('/login/')
  const fields = { _csrf: form.value('_csrf') ?? '', username: 'Anna', password: 'wrong' }
  const body = new URLSearchParams(fields).toString()
  const cookie = form.sessionCookie.split(';')[0] ?? ''
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

/** What a process holds in memory, in MiB; 0 where the system does not tell. */
function memoryOf(pid: number | undefined): number {
  if (process.platform !== 'linux') return 0
  const [, kilobytes = ''] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kilobytes) / 1024
}

test('others are answered, the owner gets in from a known device, and memory stays flat', async () => {
  const site = launchSite(tmpdir(), {
    ...settingsFor(await freshDatabase()),
    TRUST_PROXY: '1',
    NODE_ENV: 'production',
    BASE_URL: 'http://accounts.example',
    HOST: '127.0.0.1',
  })
  const address = await addressOf(site)
  const owner = await new Visitor(address).settle('Anna')
  await owner.send(await owner.open('/logout/'))

  const before = memoryOf(site.pid)
  let over = false
  const raging = storm(address, new Visitor(address)).finally(() => {
    over = true
  })
  let longest = 0
  let opened = 0
  for (; !over; opened++) {
    const start = performance.now()
    assert.is((await new Visitor(address).open('/login/')).status, 200)
    longest = Math.max(longest, performance.now() - start)
    if (opened === 5) assert.is((await owner.logIn('Anna', { password: PASSWORD })).status, 303)
  }
  const statuses = await raging
  assert.ok(opened > 5, 'the storm went on for a while')
  assert.ok(longest < 2_000, `a page took ${longest} ms`)
  assert.is(statuses.get(406) ?? 0, 50, 'so many wrong passwords are looked at in an hour')
  assert.is(statuses.get(429), WRONG_LOGINS - 50)
  const after = memoryOf(site.pid)
  assert.ok(after < 512 && after - before < 200, `it held ${before} MiB, and holds ${after}`)
  site.signal('SIGTERM')
  assert.is(await site.end, 0)
})

test.run()
