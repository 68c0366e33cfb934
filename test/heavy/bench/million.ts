import { alternate, median, type Pace } from './compare.js'
import type { Cost } from './processes.js'
import { seededFile, startSite, temporaryFolder, Visitors } from './stage.js'
import { loggingIn } from './visit.js'

const SMALL = { users: 1_000, sessions: 5_000 }
const LARGE = { users: 1_000_000, sessions: 5_000_000 }

/** One login after another among a million users, beside the same among a thousand. */
export async function measureMillion(pace: Pace): Promise<Cost[]> {
  const start = async (crowd: typeof LARGE) => {
    const folder = temporaryFolder()
    return await startSite(folder, `sqlite:${await seededFile(folder, crowd)}`)
  }
  const [large, small] = [await start(LARGE), await start(SMALL)]
  const visitors = new Visitors()
  try {
    const options = { connections: 1 }
    const target = visitors.contender(large, await loggingIn(large), { ...options, users: LARGE.users })
    const floor = visitors.contender(small, await loggingIn(small), { ...options, users: SMALL.users })
    for (const contender of [target, floor]) await contender(2)
    const pairs = (await alternate(target, floor, pace)).map(({ target, floor }) => ({
      large: target.p50 ?? Number.NaN,
      small: floor.p50 ?? Number.NaN,
    }))
    return [
      {
        name: 'login among 1,000,000, p50',
        unit: 'ms',
        against: '1,000',
        site: median(pairs.map((pair) => pair.large)),
        floor: median(pairs.map((pair) => pair.small)),
        ratio: median(pairs.map((pair) => pair.large / pair.small)),
        most: 1.1,
      },
    ]
  } finally {
    visitors.stop()
    for (const server of [large, small]) await server.stop()
  }
}
