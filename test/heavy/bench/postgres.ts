import { join } from 'node:path'
import { PostgresServer } from '../../support/postgres.js'
import { compare, type Pace } from './compare.js'
import type { Measure } from './measures.js'
import { seed } from './seed.js'
import type { Server } from './server.js'
import { seededFile, startSite, temporaryFolder, Visitors } from './stage.js'
import { loggingIn, memberHome } from './visit.js'

const CROWD = { users: 1_000, sessions: 1_000 }
const PAGES = 32
const LOGINS = 16
const KEY = 'A'.repeat(43)

/** The site on a durable PostgreSQL on the same machine, beside the site on SQLite. */
export async function measurePostgres(pace: Pace): Promise<Measure[]> {
  const folder = temporaryFolder()
  const database = await PostgresServer.make(join(folder, 'postgres'), { durable: true })
  const servers: Server[] = []
  const visitors = new Visitors()
  try {
    await database.start()
    await seed(database.url, CROWD)
    const onServer = await startSite(folder, database.url, { SESSION_KEYS: KEY })
    servers.push(onServer)
    const onFile = await startSite(folder, `sqlite:${await seededFile(folder, CROWD)}`)
    servers.push(onFile)
    return [
      {
        name: `GET / on PostgreSQL, c=${PAGES}`,
        against: 'SQLite',
        least: 0.4,
        ...(await comparing(memberHome, { connections: PAGES })),
      },
      {
        name: `logins on PostgreSQL, c=${LOGINS}`,
        against: 'SQLite',
        least: 0.9,
        ...(await comparing(loggingIn, { connections: LOGINS, users: CROWD.users })),
      },
    ]

    async function comparing(
      asking: typeof memberHome,
      options: { connections: number; users?: number },
    ): ReturnType<typeof compare> {
      const target = visitors.contender(onServer, await asking(onServer), options)
      const floor = visitors.contender(onFile, await asking(onFile), options)
      for (const contender of [target, floor]) await contender(pace.warmUp)
      return compare(target, floor, pace)
    }
  } finally {
    visitors.stop()
    for (const server of servers) await server.stop()
    await database.stop()
  }
}
