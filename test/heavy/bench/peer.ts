import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { type Comparison, type Contender, compare, median, type Pace } from './compare.js'
import { MISTYPED, PASSWORD } from './forms.js'
import { comparePages, type Measure } from './measures.js'
import { type Cost, measureStarts, memory, QUIET } from './processes.js'
import type { Server } from './server.js'
import { seededFile, startPeer, startSite, startSmallFloor, temporaryFolder, Visitors } from './stage.js'
import { bodyOf, filled, memberHome, type Request, Visitor } from './visit.js'

const USERS = 1_000
const PAGES = 32
const FORMS = 16
const FEW_FORMS = 8
const RATE = 50
/** Enough pages for a slowest hundredth. */
const SECONDS = 8

interface Stage {
  site: Server
  floor: Server
  /** F6. */
  small: Server
  visitors: Visitors
  pace: Pace
}

const AGAINST = { against: 'the peer', most: 1.3 }

/** What a Node developer would build by hand, with Express and Passport. */
export async function measurePeer(pace: Pace): Promise<{ measures: Measure[]; costs: Cost[] }> {
  const folder = temporaryFolder()
  const file = await seededFile(folder, { users: USERS, sessions: USERS })
  const theirs = join(folder, 'peer.sqlite')
  const startOurs = () => startSite(folder, `sqlite:${file}`)
  const [site, floor] = [await startOurs(), await startPeer(folder, theirs, USERS)]
  const small = await startSmallFloor(folder)
  const visitors = new Visitors()
  try {
    for (const server of [site, floor]) await new Visitor(server.address).open('/login/')
    await pause(QUIET)
    const costs = memory('memory, idle', AGAINST, site, floor)
    const stage = { site, floor, small, visitors, pace }
    const measures: Measure[] = []
    for (const measure of ROWS) measures.push(...(await measure(stage)))
    costs.push(await homeDuringLogins(stage))
    await pause(QUIET)
    costs.push(...memory('memory, after all that', AGAINST, site, floor))
    costs.push(await measureStarts(startOurs, () => startPeer(folder, theirs), AGAINST))
    return { measures, costs }
  } finally {
    visitors.stop()
    for (const server of [site, floor, small]) await server.stop()
  }
}

type Rows = (stage: Stage) => Promise<Measure[]>

const ROWS: readonly Rows[] = [firstVisits, loginPages, homes, refusals, logins, signups]

async function firstVisits(stage: Stage): Promise<Measure[]> {
  const request = ({ address }: Server) => new Visitor(address).opening('/login/')
  return [
    await rowOf(stage, 'GET /login/, first visit', 2, request),
    await beside(stage, 'GET /login/, first visit', request),
  ]
}

async function loginPages(stage: Stage): Promise<Measure[]> {
  const request = async ({ address }: Server) => {
    const visitor = new Visitor(address)
    await visitor.open('/login/')
    return visitor.opening('/login/')
  }
  return [
    await rowOf(stage, 'GET /login/, with a cookie', 2.4, request),
    await beside(stage, 'GET /login/, with a cookie', request),
  ]
}

async function homes(stage: Stage): Promise<Measure[]> {
  return [
    await rowOf(stage, 'GET / signed in', 2, memberHome),
    await beside(stage, 'GET / signed in', memberHome),
  ]
}

/** The only error is that two strong passwords differ. */
async function refusals(stage: Stage): Promise<Measure[]> {
  const request =
    (htmx: boolean) =>
    async ({ address }: Server) => {
      const visitor = new Visitor(address)
      const body = filled(await visitor.open('/signup/'), MISTYPED)
      const refused = await visitor.sending('/signup/verify/', body, { htmx })
      if (refused.response.status !== 406) throw new Error(`It was not refused:\n${refused.response.body}`)
      return refused
    }
  return [
    await rowOf(stage, 'POST refused sign-up, htmx', 1.5, request(true), FEW_FORMS),
    await rowOf(stage, 'POST refused sign-up, plain', 1.5, request(false), FEW_FORMS),
  ]
}

async function rowOf(
  stage: Stage,
  name: string,
  least: number,
  requestFor: (server: Server) => Promise<Request>,
  connections = PAGES,
): Promise<Measure> {
  const [target, floor] = [await requestFor(stage.site), await requestFor(stage.floor)]
  const compared = await comparePages(stage, target, floor, connections)
  return { name: `${name}, c=${connections}`, against: 'the peer', least, ...compared }
}

/** Only to show what remains: F6 has no session, language, form or security. */
async function beside(
  { site, small, visitors, pace }: Stage,
  name: string,
  requestFor: (server: Server) => Promise<Request>,
): Promise<Measure> {
  const target = await requestFor(site)
  const floor = await new Visitor(small.address).opening('/')
  const compared = await comparePages({ site, floor: small, visitors, pace }, target, floor)
  return { name: `${name}, c=${PAGES}`, against: 'F6', least: 0, ...compared }
}

/** Each opens the form without a cookie and sends it, as visitors do. */
async function logins(stage: Stage): Promise<Measure[]> {
  const compared = await compareForms(stage, '/login/', { username: 'Bench{user}', password: PASSWORD })
  return [{ name: `a visit that logs in, c=${FORMS}`, against: 'the peer', least: 1, ...compared }]
}

async function signups(stage: Stage): Promise<Measure[]> {
  const typed = { username: 'new Bench{n}', email: 'new-bench{n}@example.com' }
  const compared = await compareForms(stage, '/signup/', {
    ...typed,
    password: PASSWORD,
    repassword: PASSWORD,
  })
  return [{ name: `a visit that signs up, c=${FORMS}`, against: 'the peer', least: 1, ...compared }]
}

async function compareForms(
  { site, floor, visitors, pace }: Stage,
  page: string,
  typed: Record<string, string>,
): Promise<Comparison> {
  const [target, other] = [
    await forms(site, visitors, page, typed),
    await forms(floor, visitors, page, typed),
  ]
  await target(pace.warmUp)
  await other(pace.warmUp)
  return compare(target, other, pace)
}

async function forms(
  server: Server,
  visitors: Visitors,
  page: string,
  typed: Record<string, string>,
): Promise<Contender> {
  const visitor = new Visitor(server.address)
  const body = new URLSearchParams(filled(await visitor.open(page), { ...typed, _once: '{n}' }))
  const request = await visitor.sending(join(page, 'verify/'), bodyOf(body))
  if (request.response.status !== 200) throw new Error(`It was refused:\n${request.response.body}`)
  body.set('_csrf', '{csrf}')
  const { cookie: _, ...headers } = request.headers
  const again = { ...request, headers, body: bodyOf(body) }
  return visitors.contender(server, again, { connections: FORMS, users: USERS, opens: page })
}

/** The slowest hundredth of a page 50 times a second during as many logins as possible. */
async function homeDuringLogins({ site, floor, visitors, pace }: Stage): Promise<Cost> {
  const readers = new Visitors()
  try {
    const slowest = async (server: Server) => {
      const home = readers.contender(server, await memberHome(server), { connections: 1, rate: RATE })
      const login = await forms(server, visitors, '/login/', { username: 'Bench{user}', password: PASSWORD })
      return async () => {
        const [page] = await Promise.all([home(SECONDS), login(SECONDS)])
        return page.p99 ?? Number.NaN
      }
    }
    const [ours, theirs] = [await slowest(site), await slowest(floor)]
    const pairs: { site: number; floor: number }[] = []
    for (let round = 0; round < pace.rounds; round++)
      pairs.push({ site: await ours(), floor: await theirs() })
    return {
      name: 'GET / during logins, p99',
      unit: 'ms',
      against: 'the peer',
      site: median(pairs.map((pair) => pair.site)),
      floor: median(pairs.map((pair) => pair.floor)),
      ratio: median(pairs.map((pair) => pair.site / pair.floor)),
      most: 0.3,
    }
  } finally {
    readers.stop()
  }
}
