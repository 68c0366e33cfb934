import { setTimeout as pause } from 'node:timers/promises'
import { median, type Pace } from './compare.js'
import type { Server } from './server.js'
import { seededFile, startPagesFloor, startSite, temporaryFolder, Visitors } from './stage.js'
import { loggingIn, Visitor } from './visit.js'

/** A row where less is better. */
export interface Cost {
  name: string
  unit: 'ms' | 'MiB' | 'KB' | 'requests'
  /** Its floor or other reference. */
  against: string
  site: number
  floor: number
  ratio: number
  most: number
}

const STARTS = 15
const QUIET = 2_000
const USERS = 1_000

type Start = () => Promise<Server>

/** Start time and memory of a process, beside F1. */
export async function measureProcesses({ seconds }: Pace): Promise<Cost[]> {
  const folder = temporaryFolder()
  const file = await seededFile(folder, { users: USERS, sessions: USERS })
  const site = () => startSite(folder, `sqlite:${file}`)
  const floor = () => startPagesFloor(folder, file)
  return [await measureStarts(site, floor), ...(await measureMemory(site, floor, seconds))]
}

async function measureStarts(site: Start, floor: Start): Promise<Cost> {
  const pairs: { site: number; floor: number }[] = []
  for (let round = 0; round < STARTS; round++) {
    pairs.push({ site: await timeToAnswer(site), floor: await timeToAnswer(floor) })
  }
  return {
    name: 'start, until the first page',
    unit: 'ms',
    against: 'F1',
    site: median(pairs.map((pair) => pair.site)),
    floor: median(pairs.map((pair) => pair.floor)),
    ratio: median(pairs.map((pair) => pair.site / pair.floor)),
    most: 1.8,
  }
}

async function timeToAnswer(start: Start): Promise<number> {
  const began = performance.now()
  const server = await start()
  await new Visitor(server.address).open('/login/')
  const time = performance.now() - began
  await server.stop()
  return time
}

async function measureMemory(startSite: Start, startFloor: Start, seconds: number): Promise<Cost[]> {
  const [site, floor] = [await startSite(), await startFloor()]
  const visitors = new Visitors()
  try {
    for (const server of [site, floor]) await new Visitor(server.address).open('/login/')
    await pause(QUIET)
    const idle = memory('memory, idle', 1.6, site, floor)
    for (const server of [site, floor]) {
      const request = await new Visitor(server.address).opening('/login/')
      await visitors.contender(server, request, { connections: 32 })(seconds)
    }
    const loaded = memory('memory, after pages', 2, site, floor)
    // The floor has no users and no hashing threads.
    await visitors.contender(site, await loggingIn(site), { connections: 16, users: USERS })(seconds)
    // Hashes whose visitors have left are still computed.
    await pause(QUIET)
    return [...idle, ...loaded, ...memory('memory, after logins, too', 2, site, floor)]
  } finally {
    visitors.stop()
    for (const server of [site, floor]) await server.stop()
  }
}

// Linux only.
function memory(name: string, most: number, site: Server, floor: Server): Cost[] {
  const [held, least] = [site.memory(), floor.memory()]
  if (held === undefined || least === undefined) return []
  return [{ name, unit: 'MiB', against: 'F1', site: held, floor: least, ratio: held / least, most }]
}
