/*
 * Measures costs on this machine in seconds of CPU time, which other programs change little. Takes the median of several
 * rounds.
 */
import { readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { createPasswords } from '../../../src/secrets/password.js'
import { openDatabase } from '../../../src/tables/schema.js'
import { freshDatabase, settingsFor } from '../../support/databases.js'
import { Visitor } from '../../support/helpers.js'
import { addressOf, launchSite, type Program } from '../../support/program.js'
import { createUser, newSession, newUser, openSession } from '../../support/rows.js'

export interface Costs {
  /** One Argon2id hash. */
  hash: number
  /** A page, in the site's process. */
  loginPage: number
  homePage: number
  /** A login without its hash: form, session, event. */
  login: number
  /** A transaction that creates a session: CPU time, and elapsed time at best and in the median. */
  commit: { processor: number; fastest: number; median: number }
  /** Memory of the site afterwards, in bytes. */
  memory: number
}

/** In development every page compiles its templates. */
const PRODUCTION = {
  NODE_ENV: 'production',
  BASE_URL: 'http://accounts.example',
  HOST: '127.0.0.1',
  RATE_LIMITS: 'off',
  MAIL: 'off',
  LOG_LEVEL: 'error',
}
const ROUNDS = 5
const HASHES = 10
const PAGES = 500
const LOGINS = 50
const COMMITS = 300

export async function measureCosts(database: string): Promise<Costs> {
  const hash = await hashCost()
  const commit = await commitCost()
  const site = launchSite(tmpdir(), { ...settingsFor(database), ...PRODUCTION })
  try {
    const address = await addressOf(site)
    const user = await new Visitor(address).settle('Measured')
    const page = () => new Visitor(address).open('/login/')
    await costOf(site, PAGES * 3, page) // Warms up.
    const loginPage = await costOf(site, PAGES, page)
    const homePage = await costOf(site, PAGES, () => user.open('/'))
    const whole = await costOf(site, LOGINS, () => new Visitor(address).logIn('Measured'))
    return { hash, loginPage, homePage, login: whole - loginPage - hash, commit, memory: memoryOf(site) }
  } finally {
    site.signal('SIGTERM')
    await site.end
  }
}

async function hashCost(): Promise<number> {
  const passwords = createPasswords()
  const rounds = []
  for (let round = 0; round < ROUNDS; round++) {
    const before = process.cpuUsage()
    for (let count = 0; count < HASHES; count++) await passwords.hash('correct horse 42')
    const { user, system } = process.cpuUsage(before)
    rounds.push((user + system) / 1e6 / HASHES)
  }
  return median(rounds)
}

async function commitCost(): Promise<Costs['commit']> {
  const database = await openDatabase(await freshDatabase())
  await createUser(database, newUser('measured'))
  const times = []
  const before = process.cpuUsage()
  for (let count = 0; count < COMMITS; count++) {
    const begin = performance.now()
    const session = newSession(`token ${count}`, 'id of measured', { expiresAt: Number.MAX_SAFE_INTEGER })
    await openSession(database, session)
    times.push((performance.now() - begin) / 1000)
  }
  const { user, system } = process.cpuUsage(before)
  await database.close()
  const sorted = times.sort((one, other) => one - other)
  const fastest = sorted[Math.floor(COMMITS / 10)] ?? 0
  return { processor: (user + system) / 1e6 / COMMITS, fastest, median: median(times) }
}

async function costOf(site: Program, count: number, work: () => Promise<unknown>): Promise<number> {
  const rounds = []
  for (let round = 0; round < ROUNDS; round++) {
    const before = cpuTime(site)
    for (let done = 0; done < count; done++) await work()
    rounds.push((cpuTime(site) - before) / count)
  }
  return median(rounds)
}

// In hundredths of a second (proc(5), Linux only), so many requests are measured together.
function cpuTime({ pid }: Program): number {
  const [, fields = ''] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')
  const [user, system] = fields.split(' ').slice(11, 13)
  return (Number(user) + Number(system)) / 100
}

function memoryOf({ pid }: Program): number {
  const [, kilobytes] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kilobytes) * 1024
}

function median(values: readonly number[]): number {
  return [...values].sort((one, other) => one - other)[Math.floor(values.length / 2)] ?? 0
}
