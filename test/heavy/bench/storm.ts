import { type Contender, compare, median, type Pace } from './compare.js'
import { fastest, type Measure } from './measures.js'
import type { Cost } from './processes.js'
import { seededFile, startSite, temporaryFolder, Visitors, Worker } from './stage.js'
import { loggingIn, memberHome } from './visit.js'

const USERS = 1_000
const LOGINS = 16
const RATE = 50
/** Enough pages for a slowest hundredth. */
const SECONDS = 8

/** A page 50 times a second during as many logins as possible, beside the same page alone, and the results of both. */
export async function measureStorm({
  rounds,
  warmUp,
}: Pace): Promise<{ measures: Measure[]; costs: Cost[] }> {
  const folder = temporaryFolder()
  const site = await startSite(
    folder,
    `sqlite:${await seededFile(folder, { users: USERS, sessions: USERS })}`,
  )
  const [readers, crowd, worker] = [new Visitors(), new Visitors(), new Worker('hashes')]
  try {
    const alone = readers.contender(site, await memberHome(site), { connections: 1, rate: RATE })
    const logins = crowd.contender(site, await loggingIn(site), { connections: LOGINS, users: USERS })
    const hashes = await fastest(worker)
    await alone(1)
    await logins(warmUp)
    const pages: { beside: number; alone: number }[] = []
    const beside: Contender = async (seconds) => {
      const [page, login] = await Promise.all([alone(seconds), logins(seconds)])
      const quiet = await alone(seconds)
      pages.push({ beside: page.p99 ?? Number.NaN, alone: quiet.p99 ?? Number.NaN })
      // Both have queried what the process used, so neither number is known.
      const { cpu: _, ...round } = login
      return round
    }
    const compared = await compare(beside, hashes, { rounds, seconds: SECONDS })
    return {
      measures: [{ name: `logins beside pages, c=${LOGINS}`, against: 'F3', least: 0.9, ...compared }],
      costs: [
        {
          name: 'GET / beside logins, p99',
          unit: 'ms',
          against: 'alone',
          site: median(pages.map((page) => page.beside)),
          floor: median(pages.map((page) => page.alone)),
          ratio: median(pages.map((page) => page.beside / page.alone)),
          most: 5,
        },
      ],
    }
  } finally {
    for (const one of [readers, crowd, worker]) one.stop()
    await site.stop()
  }
}
