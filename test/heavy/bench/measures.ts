import { join } from 'node:path'
import { type Comparison, type Contender, compare, median, type Pace } from './compare.js'
import { MISTYPED, PASSWORD, REFUSED } from './forms.js'
import type { Server } from './server.js'
import {
  MOST_AT_ONCE,
  seededFile,
  startLoginsFloor,
  startPagesFloor,
  startSite,
  temporaryFolder,
  Visitors,
  Worker,
} from './stage.js'
import { bodyOf, filled, loggingIn, memberOf, type Request, refuseUnlike, Visitor } from './visit.js'

/** One row of the table. */
export interface Measure extends Comparison {
  name: string
  /** Its floor or other reference. */
  against: string
  least: number
}

/** Takes less than a minute in total. */
export const QUICK: Pace = { rounds: 3, seconds: 1.2, warmUp: 1 }

/** Tolerates a busy machine, but not a collapse. */
export function isBearable({ ratio, least }: Measure): boolean {
  return ratio > least / 2
}

const USERS = 1_000
const PAGES = 32
const FORMS = 16
const FEW_FORMS = 8

/** The servers and databases of a measurement. */
interface Stage {
  site: Server
  floor: Server
  visitors: Visitors
  hashes: Contender
  pace: Pace
}

/** Pages and forms of one process on SQLite. */
export async function measureSite(pace: Pace): Promise<Measure[]> {
  const folder = temporaryFolder()
  const file = await seededFile(folder, { users: USERS, sessions: USERS })
  const site = await startSite(folder, `sqlite:${file}`)
  const floor = await startPagesFloor(folder, file)
  const visitors = new Visitors()
  const hashes = new Worker('hashes')
  try {
    const stage = { site, floor, visitors, hashes: await fastest(hashes), pace }
    const measures: Measure[] = []
    for (const measure of [loginPage, signedInHome, refusedSignup, mistypedSignup, logins, signups])
      measures.push(await measure(stage))
    return measures
  } finally {
    for (const worker of [visitors, hashes]) worker.stop()
    for (const server of [site, floor]) await server.stop()
  }
}

/** F4: sequential writes to the disk in a second. A login waits for one. */
export async function durableWrites({ seconds }: Pace): Promise<number> {
  const inserts = new Worker('inserts', [join(temporaryFolder(), 'floor.sqlite')])
  try {
    return (await inserts.contender(1)(seconds)).perSecond
  } finally {
    inserts.stop()
  }
}

/** F5 beside F3: how many of the hashes a minimal Koa login reaches. */
export async function leastLogins(pace: Pace): Promise<Comparison> {
  const folder = temporaryFolder()
  const floor = await startLoginsFloor(folder, await seededFile(folder, { users: USERS, sessions: 0 }))
  const visitors = new Visitors()
  const hashes = new Worker('hashes')
  try {
    const typed = new URLSearchParams({ username: 'Bench{user}', password: PASSWORD, _once: '{n}' })
    const request = await new Visitor(floor.address).sending('/login/verify/', bodyOf(typed))
    refuseUnlike(request.response, 'You are logged in.')
    const target = visitors.contender(floor, request, { connections: FORMS, users: USERS })
    await target(pace.warmUp)
    return await compare(target, await fastest(hashes), pace)
  } finally {
    for (const worker of [visitors, hashes]) worker.stop()
    await floor.stop()
  }
}

const TRIALS = 3
const TRIAL_SECONDS = 0.4

/** Finds the best concurrency. It tries all in turn, because the machine's speed varies. */
export async function fastest(hashes: Worker): Promise<Contender> {
  const tried = Array.from({ length: MOST_AT_ONCE }, (_, index) => ({
    contender: hashes.contender(index + 1),
    perSecond: [] as number[],
  }))
  for (let trial = 0; trial < TRIALS; trial++) {
    for (const { contender, perSecond } of tried) perSecond.push((await contender(TRIAL_SECONDS)).perSecond)
  }
  tried.sort((one, other) => median(other.perSecond) - median(one.perSecond))
  return tried[0]?.contender ?? hashes.contender(1)
}

async function loginPage(stage: Stage): Promise<Measure> {
  const [visitor, other] = [new Visitor(stage.site.address), await guestOf(stage.floor)]
  await visitor.open('/login/')
  const [target, floor] = [await visitor.opening('/login/'), await other.opening('/login/')]
  refuseDifferent(target.response, floor.response)
  return {
    name: `GET /login/, c=${PAGES}`,
    against: 'F1',
    least: 0.7,
    ...(await comparePages(stage, target, floor)),
  }
}

async function signedInHome(stage: Stage): Promise<Measure> {
  const [visitor, other] = [await memberOf(stage.site), await guestOf(stage.floor)]
  const [target, floor] = [await visitor.opening('/'), await other.opening('/')]
  refuseDifferent(target.response, floor.response)
  return {
    name: `GET / signed in, c=${PAGES}`,
    against: 'F2',
    least: 0.7,
    ...(await comparePages(stage, target, floor)),
  }
}

async function refusedSignup(stage: Stage): Promise<Measure> {
  const [visitor, other] = [new Visitor(stage.site.address), await guestOf(stage.floor)]
  const body = filled(await visitor.open('/signup/'), REFUSED.typed)
  const [target, floor] = [
    await visitor.sending('/signup/verify/', body),
    await other.sending('/signup/verify/', body),
  ]
  refuseDifferent(target.response, floor.response)
  return {
    name: `POST refused sign-up, c=${PAGES}, fragment`,
    against: 'F1',
    least: 0.6,
    ...(await comparePages(stage, target, floor)),
  }
}

/** The only error is that the passwords differ, so everything is looked up. The floor refuses as above. */
async function mistypedSignup(stage: Stage): Promise<Measure> {
  const [visitor, other] = [new Visitor(stage.site.address), await guestOf(stage.floor)]
  const page = await visitor.open('/signup/')
  const target = await visitor.sending('/signup/verify/', filled(page, MISTYPED))
  if (target.response.status !== 406) throw new Error(`It was not refused:\n${target.response.body}`)
  const floor = await other.sending('/signup/verify/', filled(page, REFUSED.typed))
  return {
    name: `POST mistyped sign-up, c=${FEW_FORMS}`,
    against: 'F1',
    least: 0.3,
    ...(await comparePages(stage, target, floor, FEW_FORMS)),
  }
}

async function logins(stage: Stage): Promise<Measure> {
  const request = await loggingIn(stage.site)
  const target = stage.visitors.contender(stage.site, request, { connections: FORMS, users: USERS })
  await target(stage.pace.warmUp)
  return {
    name: `successful logins, c=${FORMS}`,
    against: 'F3',
    least: 0.95,
    ...(await compare(target, stage.hashes, stage.pace)),
  }
}

async function signups(stage: Stage): Promise<Measure> {
  const visitor = new Visitor(stage.site.address)
  const typed = {
    username: 'new Bench{n}',
    email: 'new-bench{n}@example.com',
    password: PASSWORD,
    repassword: PASSWORD,
    _once: '{n}',
  }
  const request = await visitor.sending('/signup/verify/', filled(await visitor.open('/signup/'), typed))
  refuseUnlike(request.response, 'is ready.')
  const target = stage.visitors.contender(stage.site, request, { connections: FORMS })
  await target(stage.pace.warmUp)
  return {
    name: `successful sign-ups, c=${FORMS}`,
    against: 'F3',
    least: 0.93,
    ...(await compare(target, stage.hashes, stage.pace)),
  }
}

/** Long enough for the code to be compiled. */
const WARM_UP = 1

export async function comparePages(
  { site, floor, visitors, pace }: Pick<Stage, 'site' | 'floor' | 'visitors' | 'pace'>,
  ofSite: Request,
  ofFloor: Request,
  connections = PAGES,
): Promise<Comparison> {
  const target = visitors.contender(site, ofSite, { connections, isAwake: true })
  const other = visitors.contender(floor, ofFloor, { connections, isAwake: true })
  await target(WARM_UP)
  await other(WARM_UP)
  return compare(target, other, pace)
}

/** A visitor with a seeded user's session at the floor. */
async function guestOf(floor: Server): Promise<Visitor> {
  const visitor = new Visitor(floor.address)
  await visitor.open('/enter/?token=open-0')
  return visitor
}

interface PageResponse {
  status: number
  body: string
}

// The floor must do the same work: its page is the same, except values that always change.
function refuseDifferent(target: PageResponse, floor: PageResponse): void {
  if (target.status === floor.status && target.body === floor.body) return
  throw new Error(`The floor does not respond as the site does:\n${floor.body}\ninstead of\n${target.body}`)
}
