/*
 * `npm run overload`: measures how many logins one process checks in a second, sends ten times as many, and reports how
 * logins and pages are served meanwhile, and the memory used. SECONDS sets the duration (20). It fails if a promise of
 * docs/overload.md is broken. Other work on the machine changes the results.
 */
import { readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { setTimeout as pause } from 'node:timers/promises'
import { freshDatabase, settingsFor } from '../support/databases.js'
import { addressOf, launchSite, status } from '../support/program.js'
import { Flood, MOST_OPEN } from './flood.js'

const duration = Number(process.env.SECONDS ?? 20) * 1000
const TIMES = 10
/** 99 % of pages are served within this, in milliseconds. */
const SLOWEST_PAGE = 1_000
/** The most memory that the process may use, in MiB. */
const MOST_MEMORY = 512

const site = launchSite(tmpdir(), {
  ...settingsFor(await freshDatabase()),
  NODE_ENV: 'production',
  BASE_URL: 'http://accounts.example',
  MAIL: 'off',
  HOST: '127.0.0.1',
  LOG_LEVEL: 'error',
  RATE_LIMITS: 'off', // only the queue of hashes limits logins
})
try {
  await overload(await addressOf(site))
} finally {
  site.signal('SIGTERM')
}
const code = await site.end
expect(code === 0, `It ended with ${code}.`)
if (process.exitCode === undefined) console.log('✔ It held.')

async function overload(address: string): Promise<void> {
  const flood = await Flood.at(address)
  const capacity = await flood.capacity()
  console.log(`It checks ${capacity.toFixed(0)} logins a second, and is asked for ${TIMES} times as many.`)
  let highest = memoryOf(site.pid)
  console.log(`It holds ${highest.toFixed(0)} MiB of memory before.`)
  const watching = setInterval(() => {
    highest = Math.max(highest, memoryOf(site.pid))
  }, 200)
  const asking = flood.ask(capacity * TIMES, duration)
  const opened = await openPages(`${address}/login/`)
  await asking
  clearInterval(watching)
  report(flood, opened, highest)
  // The rest was not sent, because all connections of the flood were in use: one machine sends and responds.
  const times = (flood.sent / duration) * (1000 / capacity)
  expect(times > TIMES / 2, `It was flooded with no more than ${times.toFixed(1)} times what it can do.`)
}

function report(
  { sent, unsent, checked, refused, problems }: Flood,
  opened: number[],
  highest: number,
): void {
  const place = (part: number) => opened[Math.floor((opened.length - 1) * part)] ?? Number.POSITIVE_INFINITY
  const [p50, p99, longest] = [place(0.5), place(0.99), place(1)].map((time) => time.toFixed(0))
  const rate = ((sent / duration) * 1000).toFixed(0)
  console.log(`Logins: ${sent} sent, ${rate} a second; ${checked} checked, ${refused} refused in order.`)
  console.log(`${unsent} more found all ${MOST_OPEN} connections of the flood waiting.`)
  console.log(`Pages: ${opened.length} opened; p50 ${p50} ms, p99 ${p99} ms, longest ${longest} ms.`)
  console.log(`Memory: ${highest.toFixed(0)} MiB at most.`)
  for (const [problem, count] of problems) expect(false, `${count} times: ${problem}`)
  expect(refused > checked, 'The gate was not closed: this was no overload.')
  expect(place(0.99) < SLOWEST_PAGE, `One page in a hundred takes longer than ${SLOWEST_PAGE} ms.`)
  expect(highest < MOST_MEMORY, `It takes more than ${MOST_MEMORY} MiB.`)
}

function expect(isSo: boolean, complaint: string): void {
  if (isSo) return
  console.error(`✘ ${complaint}`)
  process.exitCode = 1
}

/** Opens a page 20 times a second, each on a new connection. Returns how long each took, shortest first. */
async function openPages(url: string): Promise<number[]> {
  const opening: Promise<number>[] = []
  for (const end = performance.now() + duration; performance.now() < end; ) {
    opening.push(timed(() => status(url)))
    await pause(50)
  }
  return (await Promise.all(opening)).sort((one, other) => one - other)
}

/** A page without a response counts as infinitely long. */
async function timed(open: () => Promise<number | undefined>): Promise<number> {
  const start = performance.now()
  const response = await open().catch(() => undefined)
  return response === 200 ? performance.now() - start : Number.POSITIVE_INFINITY
}

/** Returns the memory of a process in MiB, or 0 if the system does not show it. */
function memoryOf(pid: number | undefined): number {
  if (process.platform !== 'linux') return 0
  const [, kilobytes = ''] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kilobytes) / 1024
}
