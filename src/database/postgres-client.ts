import type { PostgresPoolClient, PostgresQueryResult } from 'kysely'
import pg from 'pg'
import { nameOf } from './statement.js'
import { DatabaseUnavailable, ignoreUnavailable, type OnRetry, withRetries } from './unavailable.js'

const { DatabaseError } = pg

const RETRY_WAIT = 4_000

/** Set in each transaction, because a pooler's sessions are shared. */
export interface EachTransaction {
  settings: string
  includesReads: boolean
}

export interface ClientOptions {
  onRetry?: OnRetry | undefined
  eachTransaction?: EachTransaction | undefined
}

interface Queryable {
  query<Row>(query: { text: string; values: unknown[]; name?: string }): Promise<PostgresQueryResult<Row>>
}

const BEGIN = /^(?:begin|start transaction)\b/
const END = /^(?:commit|rollback)$/
const READ = /^select\b(?!.* for (?:no key update|update|share|key share)\b)/s

export class TranslatingClient implements PostgresPoolClient {
  readonly #client: pg.PoolClient
  readonly #options: ClientOptions
  #isInTransaction = false
  #broken: DatabaseUnavailable | undefined

  constructor(client: pg.PoolClient, options: ClientOptions) {
    this.#client = client
    this.#options = options
  }

  query<Row>(sql: string, parameters: readonly unknown[]): Promise<PostgresQueryResult<Row>>
  query(cursor: unknown): never
  query<Row>(sql: unknown, parameters: readonly unknown[] = []): Promise<PostgresQueryResult<Row>> {
    if (typeof sql !== 'string') throw new Error('Streaming is not supported.')
    if (BEGIN.test(sql)) return this.#begin(sql)
    if (END.test(sql)) return this.#end(sql)
    if (this.#isInTransaction) return this.#send(sql, parameters)
    // Even single reads can fail to serialize (PostgreSQL, 13.2.3). Transactions are retried as a whole.
    return withRetries(() => this.#runAlone<Row>(sql, parameters), RETRY_WAIT, this.#options.onRetry)
  }

  async #begin<Row>(sql: string): Promise<PostgresQueryResult<Row>> {
    this.#isInTransaction = true
    const { eachTransaction } = this.#options
    if (eachTransaction === undefined) return await this.#send(sql, [])
    try {
      return await this.#send(`${sql}; ${eachTransaction.settings}`, [])
    } catch (error) {
      // Kysely does not roll back a transaction that failed to begin.
      await this.#end('rollback').catch(ignoreUnavailable)
      throw error
    }
  }

  async #end<Row>(sql: string): Promise<PostgresQueryResult<Row>> {
    try {
      return await this.#send(sql, [])
    } finally {
      this.#isInTransaction = false
    }
  }

  async #runAlone<Row>(sql: string, parameters: readonly unknown[]): Promise<PostgresQueryResult<Row>> {
    const { eachTransaction } = this.#options
    if (eachTransaction === undefined || (READ.test(sql) && !eachTransaction.includesReads))
      return await this.#send(sql, parameters)
    await this.#begin('begin')
    try {
      const result = await this.#send<Row>(sql, parameters)
      await this.#end('commit')
      return result
    } catch (error) {
      await this.#end('rollback').catch(ignoreUnavailable)
      throw error
    }
  }

  async #send<Row>(text: string, parameters: readonly unknown[]): Promise<PostgresQueryResult<Row>> {
    if (this.#broken !== undefined) throw this.#broken
    const name = this.#options.eachTransaction === undefined ? nameOf(text) : undefined
    const query = { text, values: [...parameters], ...(name !== undefined && { name }) }
    const client: Queryable = this.#client
    try {
      return await translateErrors(() => client.query<Row>(query))
    } catch (error) {
      if (error instanceof DatabaseUnavailable && !error.soon) this.#broken = error
      throw error
    }
  }

  release(): void {
    this.#client.release(this.#broken)
  }
}

const CONTENDED = /^(?:40001|40P01|55P03)$/ // serialization failure, deadlock, lock not available
// 40003: it is unknown whether a commit succeeded, so it must not be retried.
const UNAVAILABLE = /^(?:08|28|53|57|58|25006|3D000|40003)/

export async function translateErrors<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    throw translate(error)
  }
}

function translate(error: unknown): unknown {
  if (!(error instanceof Error)) return error
  if (!(error instanceof DatabaseError)) return new DatabaseUnavailable({ soon: false, cause: first(error) })
  const { code = '' } = error
  if (CONTENDED.test(code)) return new DatabaseUnavailable({ soon: true, cause: error })
  if (UNAVAILABLE.test(code)) return new DatabaseUnavailable({ soon: false, cause: error })
  return error
}

// A host with several addresses fails with an AggregateError, whose message is empty.
function first(error: Error): Error {
  const inner: unknown = error instanceof AggregateError ? error.errors[0] : undefined
  return inner instanceof Error ? inner : error
}
