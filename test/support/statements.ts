import { Kysely, SqliteDialect } from '../../src/database/kysely.js'

/** Calls `hear` with each statement of the site in this process, before it runs. */
export function onStatements(hear: (statement: string) => void): void {
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
