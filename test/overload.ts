/*
 * `npm run overload`: floods one process of the site with logins, about ten times what it can check, and says how pages
 * are answered meanwhile, how many logins are refused in order, and what memory it takes. SECONDS says how long (20).
 */
import { readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { setTimeout as pause } from 'node:timers/promises'
import autocannon from 'autocannon'
import { freshDatabase, settingsFor } from './databases.js'
import { Visitor } from './helpers.js'
import { addressOf, launchSite, status } from './program.js'

const duration = Number(process.env.SECONDS ?? 20)

const site = launchSite(tmpdir(), {
  ...settingsFor(await freshDatabase()),
  NODE_ENV: 'production',
  BASE_URL: 'http://accounts.example',
  MAIL: 'off',
  HOST: '127.0.0.1',
  LOG_LEVEL: 'error',
  RATE_LIMITS: 'off', // the gate alone has to hold
})
try {
  await flood(await addressOf(site))
} finally {
  site.signal('SIGTERM')
}
console.log(`It ended with ${await site.end}.`)

async function flood(address: string): Promise<void> {
  const form = await new Visitor(address).open('/login/')
  const body = new URLSearchParams({
    _csrf: form.value('_csrf') ?? '',
    username: 'nobody',
    password: 'wrong',
  })
  const headers = {
    Cookie: form.sessionCookie.split(';')[0] ?? '',
    'Content-Type': 'application/x-www-form-urlencoded',
  }
  let highest = 0
  const watching = setInterval(() => {
    highest = Math.max(highest, memoryOf(site.pid))
  }, 200)
  // More at once than the gate checks and lets wait: what comes above that is refused.
  const logins = autocannon({
    url: `${address}/login/verify/`,
    method: 'POST',
    headers,
    body: body.toString(),
    connections: 600,
    overallRate: 600,
    duration,
    timeout: 30,
  })
  const opened = await openPages(`${address}/login/`)
  const refused = await logins
  clearInterval(watching)
  const { '406': checked, '503': full } = refused.statusCodeStats ?? {}
  console.log(
    `Logins: ${checked?.count ?? 0} checked, ${full?.count ?? 0} told to come back, ${refused.errors} errors.`,
  )
  const place = (part: number) => opened[Math.floor((opened.length - 1) * part)]?.toFixed(0)
  console.log(
    `Pages: ${opened.length} answered; p50 ${place(0.5)} ms, p99 ${place(0.99)} ms, longest ${place(1)} ms.`,
  )
  console.log(`Memory: ${highest.toFixed(0)} MiB at most.`)
}

/** Opens a page 20 times a second, each on a connection of its own; answers how long each took, the shortest first. */
async function openPages(url: string): Promise<number[]> {
  const opening: Promise<number>[] = []
  for (const end = performance.now() + duration * 1000; performance.now() < end; ) {
    opening.push(timed(() => status(url)))
    await pause(50)
  }
  return (await Promise.all(opening)).sort((one, other) => one - other)
}

async function timed(open: () => Promise<number | undefined>): Promise<number> {
  const start = performance.now()
  const answer = await open()
  if (answer !== 200) throw new Error(`A page was answered with ${answer}.`)
  return performance.now() - start
}

/** What a process holds in memory, in MiB; 0 where the system does not tell. */
function memoryOf(pid: number | undefined): number {
  if (process.platform !== 'linux') return 0
  const [, kilobytes = ''] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kilobytes) / 1024
}
