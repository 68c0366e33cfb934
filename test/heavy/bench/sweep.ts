import { rows } from '../../support/databases.js'
import { alternate, type Contender, median } from './compare.js'
import type { Cost } from './processes.js'
import { seededFile, startSite, temporaryFolder, Visitors } from './stage.js'
import { memberHome } from './visit.js'

const USERS = 1_000
const ENDED = 1_000_000
const RATE = 50
/** Enough for a sweep of some minutes. */
const PACE = { rounds: 4, seconds: 8 }

/** A page while a million ended sessions are swept, beside the same page with nothing to sweep. */
export async function measureSweep(): Promise<Cost[]> {
  const urlWith = async (ended: number) => {
    const folder = temporaryFolder()
    return { folder, url: `sqlite:${await seededFile(folder, { users: USERS, sessions: USERS, ended })}` }
  }
  const [full, clean] = [await urlWith(ENDED), await urlWith(0)]
  const [sweeping, idle] = [await startSite(full.folder, full.url), await startSite(clean.folder, clean.url)]
  const visitors = new Visitors()
  try {
    const options = { connections: 1, rate: RATE }
    const page = visitors.contender(sweeping, await memberHome(sweeping), options)
    const without = visitors.contender(idle, await memberHome(idle), options)
    for (const contender of [page, without]) await contender(1)
    const pairs = (await alternate(whileSwept(page, full.url), without, PACE)).map(({ target, floor }) => ({
      during: target.p99 ?? Number.NaN,
      without: floor.p99 ?? Number.NaN,
    }))
    return [
      {
        name: 'GET / during a sweep, p99',
        unit: 'ms',
        against: 'without',
        site: median(pairs.map((pair) => pair.during)),
        floor: median(pairs.map((pair) => pair.without)),
        ratio: median(pairs.map((pair) => pair.during / pair.without)),
        most: 2,
      },
    ]
  } finally {
    visitors.stop()
    for (const server of [sweeping, idle]) await server.stop()
  }
}

/** Throws unless sessions were swept the whole time. */
function whileSwept(contender: Contender, url: string): Contender {
  return async (seconds) => {
    const before = await endedIn(url)
    const round = await contender(seconds)
    const after = await endedIn(url)
    if (after === 0 || after >= before) throw new Error(`Of ${before} ended sessions ${after} are left.`)
    return round
  }
}

async function endedIn(url: string): Promise<number> {
  const sql = `select count(*) as count from sessions where expires_at <= ${Date.now()}`
  const [row] = await rows<{ count: number }>(url, sql)
  return row?.count ?? 0
}
