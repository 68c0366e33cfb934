import { availableParallelism } from 'node:os'
import { compare, type Pace } from './compare.js'
import type { Measure } from './measures.js'
import { seededFile, startSite, temporaryFolder, Visitors } from './stage.js'
import { memberHome } from './visit.js'

const USERS = 1_000
const PAGES = 32
/** Seconds. Each process has to compile its code. */
const WARM_UP = 5

/** As many processes as cores, beside one. The report states the share of the cores that the visitors use. */
export async function measureWorkers(pace: Pace): Promise<Measure[]> {
  const start = async (workers: string) => {
    const folder = temporaryFolder()
    const file = await seededFile(folder, { users: USERS, sessions: USERS })
    return await startSite(folder, `sqlite:${file}`, { WEB_CONCURRENCY: workers })
  }
  const [many, one] = [await start('auto'), await start('1')]
  const visitors = new Visitors({ niceness: 5 })
  try {
    const target = visitors.contender(many, await memberHome(many), { connections: PAGES })
    const floor = visitors.contender(one, await memberHome(one), { connections: PAGES })
    for (const contender of [target, floor]) await contender(WARM_UP)
    const compared = await compare(target, floor, pace)
    // The primary reports only itself.
    const { cpu: _, ...round } = compared.target
    const name = `GET /, ${availableParallelism()} processes, visitors ${compared.target.share?.toFixed(2)} cores`
    return [{ name, against: '1', least: 1.6, ...compared, target: round }]
  } finally {
    visitors.stop()
    for (const server of [many, one]) await server.stop()
  }
}
