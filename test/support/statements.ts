import { AsyncLocalStorage } from 'node:async_hooks'
import { Kysely, SqliteDialect } from '../../src/database/kysely.js'
import type { Site } from './helpers.js'

interface Work<Result> {
  result: Result
  /** The statements before the response was sent. */
  before: string[]
  after: string[]
}

type Hear = (statement: string) => void

const requests = new AsyncLocalStorage<Hear>()

onStatements((statement) => requests.getStore()?.(statement))

/** Returns the statements of the site's requests until `act` is done. */
export async function workOf<Result>(site: Site, act: () => Promise<Result>): Promise<Work<Result>> {
  const before: string[] = []
  const after: string[] = []
  const [listener] = site.server.listeners('request')
  site.server.removeAllListeners('request')
  site.server.on('request', (request, response) => {
    const hear = (statement: string) => (response.closed ? after : before).push(statement)
    requests.run(hear, () => listener?.(request, response))
  })
  const result = await act()
  site.server.removeAllListeners('request')
  site.server.on('request', (request, response) => void listener?.(request, response))
  return { result, before, after }
}

/** Calls `hear` with each statement of the site in this process, before it runs. */
function onStatements(hear: Hear): void {
  // The prototype in the same copy of Kysely that the site uses.
  const executor = Object.getPrototypeOf(
    new Kysely({ dialect: new SqliteDialect({ database: unopened }) }).getExecutor(),
  )
  executor.executeQuery = new Proxy(executor.executeQuery, {
    apply(execute, self, given) {
      hear(given[0].sql)
      return Reflect.apply(execute, self, given)
    },
  })
}

async function unopened(): Promise<never> {
  throw new Error('This database is never opened.')
}
