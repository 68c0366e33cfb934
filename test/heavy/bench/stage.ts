import { mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { Child } from './child.js'
import type { Contender, Round } from './compare.js'
import type * as rounds from './floors/rounds.js'
import type { Load, Outcome } from './load.js'
import { type Crowd, seed } from './seed.js'
import { Server } from './server.js'
import type { Request } from './visit.js'

const here = import.meta.dirname
const SITE = join(here, '../../../src/site.js')

const folders: string[] = []
process.once('exit', () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
})

/** Creates a folder that is removed at the end of the process. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-bench-'))
  folders.push(folder)
  return folder
}

/** Creates a database file with that many users. */
export async function seededFile(folder: string, crowd: Crowd): Promise<string> {
  const file = join(folder, `${crowd.users}.sqlite`)
  await seed(`sqlite:${file}`, crowd)
  return file
}

/** Starts the runnable site with limits off and its address, and no other settings. */
export function startSite(
  folder: string,
  databaseUrl: string,
  env: Record<string, string> = {},
): Promise<Server> {
  return Server.start(SITE, {
    folder,
    env: {
      NODE_ENV: 'production',
      HOST: '127.0.0.1',
      PORT: '0',
      BASE_URL: 'http://accounts.example',
      DATABASE_URL: databaseUrl,
      MAIL: 'off',
      RATE_LIMITS: 'off',
      // The floors write no log.
      LOG_LEVEL: 'error',
      ...env,
    },
  })
}

/** F1 and F2. */
export function startPagesFloor(folder: string, file: string): Promise<Server> {
  return Server.start(join(here, 'floors/pages.js'), { folder, args: [file] })
}

/** Express and Passport, with its own database file, to which it adds so many users. */
export function startPeer(folder: string, file: string, users = 0): Promise<Server> {
  return Server.start(join(here, 'peer/app.js'), {
    folder,
    args: [file, `${users}`],
    env: { NODE_ENV: 'production' },
  })
}

/** F6. */
export function startSmallFloor(folder: string): Promise<Server> {
  return Server.start(join(here, 'floors/small.js'), { folder, env: { NODE_ENV: 'production' } })
}

/** F5, in the file of the site: it has its users. */
export function startLoginsFloor(folder: string, file: string): Promise<Server> {
  return Server.start(join(here, 'floors/logins.js'), { folder, args: [file] })
}

/** Starts the visitors, and floors without visitors. */
export class Visitors {
  readonly #child: Child<Load, Outcome>
  #number = 0

  /** `niceness` is added to this process's own, so that on few cores the visitors take less from the server. */
  constructor({ niceness = 0 } = {}) {
    this.#child = new Child(join(here, 'load.js'), [`${niceness}`])
  }

  /** Repeats the same request. */
  contender(
    server: Server,
    request: Request,
    { connections, ...more }: { connections: number } & Pick<Load, 'users' | 'rate' | 'opens' | 'isAwake'>,
  ): Contender {
    return async (seconds) => {
      const from = this.#number
      const before = await server.cpu()
      const outcome = await this.#child.ask({ ...request, ...more, connections, seconds, from })
      const used = (await server.cpu()) - before
      this.#number += outcome.count + connections
      return roundOf(outcome, used)
    }
  }

  stop(): void {
    this.#child.stop()
  }
}

function roundOf({ count, perSecond, p50, p99, share, wrong }: Outcome, used: number): Round {
  if (wrong !== '') throw new Error(`A response was wrong: ${wrong}`)
  return { perSecond, p50, p99, cpu: used / count, share }
}

/** Concurrencies to try, also more than there are cores, which is sometimes faster. */
export const MOST_AT_ONCE = Math.max(4, availableParallelism())

/** F3 or F4 with this concurrency. */
export class Worker {
  readonly #child: Child<rounds.Round, rounds.Done>

  constructor(name: 'hashes' | 'inserts', args: readonly string[] = []) {
    // It works in libuv's threads, of which there are 4 by default.
    this.#child = new Child(join(here, `floors/${name}.js`), args, { UV_THREADPOOL_SIZE: `${MOST_AT_ONCE}` })
  }

  contender(atOnce: number): Contender {
    return async (seconds) => {
      const done = await this.#child.ask({ seconds, atOnce })
      return { perSecond: done.count / done.seconds }
    }
  }

  stop(): void {
    this.#child.stop()
  }
}
