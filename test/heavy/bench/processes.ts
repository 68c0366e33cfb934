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
export const QUIET = 2_000
const USERS = 1_000

export type Start = () => Promise<Server>

/** Start time and memory of a process, beside F1. */
export async function measureProcesses({ seconds }: Pace): Promise<Cost[]> {
  const folder = temporaryFolder()
  const file = await seededFile(folder, { users: USERS, sessions: USERS })
  const site = () => startSite(folder, `sqlite:${file}`)
  const floor = () => startPagesFloor(folder, file)
  const start = await measureStarts(site, floor, { against: 'F1', most: 1.8 })
  return [start, ...(await measureMemory(site, floor, seconds))]
}

export async function measureStarts(
  site: Start,
  floor: Start,
  { against, most }: Pick<Cost, 'against' | 'most'>,
): Promise<Cost> {
  const pairs: { site: number; floor: number }[] = []
  for (let round = 0; round < STARTS; round++) {
    pairs.push({ site: await timeToFirstPage(site), floor: await timeToFirstPage(floor) })
  }
  return {
    name: 'start, until the first page',
    unit: 'ms',
    against,
    most,
    site: median(pairs.map((pair) => pair.site)),
    floor: median(pairs.map((pair) => pair.floor)),
    ratio: median(pairs.map((pair) => pair.site / pair.floor)),
  }
}

async function timeToFirstPage(start: Start): Promise<number> {
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
    const idle = memory('memory, idle', { against: 'F1', most: 1.6 }, site, floor)
    for (const server of [site, floor]) {
      const request = await new Visitor(server.address).opening('/login/')
      await visitors.contender(server, request, { connections: 32 })(seconds)
    }
    const loaded = memory('memory, after pages', { against: 'F1', most: 2 }, site, floor)
    // The floor has no users and no hashing threads.
    await visitors.contender(site, await loggingIn(site), { connections: 16, users: USERS })(seconds)
    // Hashes whose visitors have left are still computed.
    await pause(QUIET)
    return [
      ...idle,
      ...loaded,
      ...memory('memory, after logins, too', { against: 'F1', most: 2 }, site, floor),
    ]
  } finally {
    visitors.stop()
    for (const server of [site, floor]) await server.stop()
  }
}

// Linux only.
export function memory(
  name: string,
  limit: Pick<Cost, 'against' | 'most'>,
  site: Server,
  floor: Server,
): Cost[] {
  const [held, least] = [site.memory(), floor.memory()]
  if (held === undefined || least === undefined) return []
  return [{ name, unit: 'MiB', ...limit, site: held, floor: least, ratio: held / least }]
}
