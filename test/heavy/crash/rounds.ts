/*
 * Kills the site with SIGKILL again and again while many users change their accounts. After each start it checks that all
 * acknowledged changes are stored, and all others entirely or not at all. With several processes it kills all of them, or
 * one that another one replaces.
 */
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { MINUTE, SECOND } from '../../../src/base/durations.js'
import { rows, settingsFor } from '../../support/databases.js'
import { Site, until } from '../../support/helpers.js'
import { TestMailServer } from '../../support/mail-server.js'
import { freePort } from '../../support/postgres.js'
import { addressOf, Program } from '../../support/program.js'
import { Random } from '../../support/random.js'
import { Client } from './client.js'
import { brokenInvariants } from './invariants.js'
import { storedAccounts } from './stored.js'

export interface Plan {
  /** The URL of an unused database. */
  database: string
  rounds: number
  /** How many processes serve the site; 1 by default. */
  workers?: number
  /** Repeats the same changes and moments. What else the machine does is random. */
  seed: number
  /** Called after each round. */
  onRound?: (round: number) => void
}

/** The results. All is well if `problems` is empty. */
export interface Report {
  problems: string[]
  people: number
  /** Changes with a response. */
  acknowledged: number
  /** Changes during a kill, and how many of them were stored. */
  cutOff: number
  cutOffDone: number
  mails: number
  mailsTwice: number
  /** How often only one of several processes was killed. */
  replaced: number
  /** From a launch, or the end of a process, until the site serves, in milliseconds, shortest first. */
  starts: number[]
}

const CLIENTS = 6
const LONGEST_LOAD = 1_000
/** Allows for other work on the machine. Waiting for a stale lock would take longer. */
const START_ALLOWED = 30_000
const LIMITS =
  `LOGIN_NAME LOGIN_ACCOUNT LOGIN_NETWORK LOGIN_ROW LOGIN_DEVICE SIGNUP_NETWORK MAIL_ADDRESS MAIL_ACCOUNT
  MAIL_FAILURES MAIL_NETWORK MAIL_PAUSE CODE_ACCOUNT RENAME_ACCOUNT`.split(/\s+/)
/** Limits that count, but are never reached. */
const ROOMY = Object.fromEntries(LIMITS.map((name) => [`LIMIT_${name}`, '1000000/1h']))

export async function survive({ database, rounds, workers = 1, seed, onRound }: Plan): Promise<Report> {
  const mailServer = await TestMailServer.start()
  const port = `${await freePort()}`
  const address = `http://127.0.0.1:${port}`
  const environment = { ...ROOMY, SMTP_URL: mailServer.url(), BASE_URL: address, LOG_LEVEL: 'warn' }
  const settings = {
    ...settingsFor(database),
    ...environment,
    PORT: port,
    WEB_CONCURRENCY: `${workers}`,
  }
  const random = new Random(seed)
  const clients = Array.from({ length: CLIENTS }, (_, number) => {
    return new Client(number, { address, mailServer, random: new Random(seed * CLIENTS + number + 1) })
  })
  const problems: string[] = []
  const starts: number[] = []
  let replaced = 0
  try {
    let site = await launched(settings, starts)
    for (let round = 1; round <= rounds && problems.length === 0; round++) {
      const after = random.next() * LONGEST_LOAD
      if (workers > 1 && random.next() < 0.5) {
        await underLoad(clients, after, async () => starts.push(await replace(site, random)))
        replaced++
      } else {
        await underLoad(clients, after, async () => site.kill())
        await site.end
        site = await launched(settings, starts)
      }
      problems.push(...(await problemsOf(database, clients)), ...(await returnProblems(clients)))
      onRound?.(round)
    }
    site.signal('SIGINT')
    if ((await site.end) !== 0) problems.push(`It does not end in order: ${site.stderr}`)
    if (problems.length === 0) {
      problems.push(...(await mailProblems(database, environment, mailServer)))
      problems.push(...(await problemsOf(database, clients)))
    }
  } finally {
    await mailServer.stop()
  }
  return {
    problems,
    replaced,
    starts: starts.sort((one, other) => one - other),
    ...sums(clients),
    ...mailCounts(mailServer),
  }
}

async function launched(settings: Record<string, string>, starts: number[]): Promise<Program> {
  const begin = performance.now()
  const script = join(import.meta.dirname, 'site.js')
  const site = new Program([script], {
    cwd: tmpdir(),
    env: settings,
    detached: settings.WEB_CONCURRENCY !== '1',
  })
  await addressOf(site)
  starts.push(performance.now() - begin)
  return site
}

async function underLoad(
  clients: readonly Client[],
  after: number,
  kill: () => Promise<unknown>,
): Promise<void> {
  let isGone = false
  const load = Promise.all(clients.map((client) => client.liveUntilGone(() => isGone)))
  await Promise.race([pause(after), load])
  isGone = true
  await Promise.all([kill(), load])
}

/** Kills one process, and returns how long it took until another one served. */
async function replace(site: Program, random: Random): Promise<number> {
  const before = processesOf(site)
  const begin = performance.now()
  const killed = random.pick(before.filter(isAlive))
  process.kill(killed, 'SIGKILL')
  while (processesOf(site).length === before.length && performance.now() - begin < START_ALLOWED)
    await pause(5)
  return performance.now() - begin
}

/** Returns all processes that have served so far. */
function processesOf({ stdout }: Program): number[] {
  return [...stdout.matchAll(/^Process (\d+) serves$/gm)].map(([, pid]) => Number(pid))
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

async function problemsOf(database: string, clients: readonly Client[]): Promise<string[]> {
  const stored = await storedAccounts(database)
  const problems = await brokenInvariants(database)
  for (const client of clients) problems.push(...(await client.problems(stored)))
  const told = new Set(clients.flatMap(({ people }) => people.map(({ account }) => account?.name)))
  const foreign = [...stored.keys()].filter((name) => !told.has(name))
  return [...problems, ...foreign.map((name) => `Nobody has made the account ${name}`)]
}

async function returnProblems(clients: readonly Client[]): Promise<string[]> {
  return (await Promise.all(clients.map((client) => client.comeBack()))).flat()
}

/** Sends the waiting emails from a site whose clock is past the leases of the killed processes. */
async function mailProblems(
  database: string,
  environment: Record<string, string>,
  { received }: TestMailServer,
): Promise<string[]> {
  const site = await Site.start({ database, environment })
  site.clock.time = Date.now() + MINUTE
  try {
    const isDone = async () => {
      // Makes emails due that the mail server was too busy for.
      site.clock.advance(SECOND)
      return (await rows(database, "select id from mails where state = 'waiting'")).length === 0
    }
    await until(isDone, 'all mails are sent', 2 * MINUTE)
  } finally {
    await site.close()
  }
  const ids = new Set(received.map(({ mail }) => mail.messageId?.slice(1).split('@')[0]))
  const stored = await rows<{ id: string; kind: string }>(database, 'select id, kind from mails')
  return stored.filter(({ id }) => !ids.has(id)).map(({ id, kind }) => `The mail ${id} (${kind}) never came`)
}

function sums(clients: readonly Client[]): Pick<Report, 'people' | 'acknowledged' | 'cutOff' | 'cutOffDone'> {
  const people = clients.flatMap((client) => client.people)
  const sum = (figure: (client: Client) => number) => clients.reduce((all, client) => all + figure(client), 0)
  return {
    people: people.filter(({ account }) => account !== undefined).length,
    acknowledged: people.reduce((all, { acknowledged }) => all + acknowledged, 0),
    cutOff: sum(({ cutOff }) => cutOff),
    cutOffDone: sum(({ cutOffDone }) => cutOffDone),
  }
}

function mailCounts({ received }: TestMailServer): Pick<Report, 'mails' | 'mailsTwice'> {
  const mails = new Set(received.map(({ mail }) => mail.messageId)).size
  return { mails, mailsTwice: received.length - mails }
}

/** Whether every start was quick enough. */
export function areQuick(starts: readonly number[]): boolean {
  return starts.every((milliseconds) => milliseconds < START_ALLOWED)
}
