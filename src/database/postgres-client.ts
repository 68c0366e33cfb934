import type { PostgresPoolClient, PostgresQueryResult } from 'kysely'
import pg from 'pg'
import { nameOf } from './statement.js'
import { DatabaseUnavailable, forgiveUnavailable, type OnRetry, retried } from './unavailable.js'

const { DatabaseError } = pg

const RETRY_WAIT = 4_000

/** What each transaction begins with, because sessions are shared and must stay as they are. */
export interface EachTransaction {
  settings: string
  /** Whether single reads need the settings, too. */
  includesReads: boolean
}

export interface ClientOptions {
  onRetry?: OnRetry | undefined
  eachTransaction?: EachTransaction | undefined
}

interface Asking {
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
    if (typeof sql !== 'string') throw new Error('Nothing here streams.')
    if (BEGIN.test(sql)) return this.#begin(sql)
    if (END.test(sql)) return this.#end(sql)
    if (this.#isInTransaction) return this.#ask(sql, parameters)
    // Even single reads can fail like transactions (PostgreSQL, 13.2.3), which their owner retries.
    return retried(() => this.#askAlone<Row>(sql, parameters), RETRY_WAIT, this.#options.onRetry)
  }

  async #begin<Row>(sql: string): Promise<PostgresQueryResult<Row>> {
    this.#isInTransaction = true
    const { eachTransaction } = this.#options
    if (eachTransaction === undefined) return await this.#ask(sql, [])
    try {
      return await this.#ask(`${sql}; ${eachTransaction.settings}`, [])
    } catch (error) {
      // Kysely does not roll back what it has not seen begin.
      await this.#end('rollback').catch(forgiveUnavailable)
      throw error
    }
  }

  async #end<Row>(sql: string): Promise<PostgresQueryResult<Row>> {
    try {
      return await this.#ask(sql, [])
    } finally {
      this.#isInTransaction = false
    }
  }

  async #askAlone<Row>(sql: string, parameters: readonly unknown[]): Promise<PostgresQueryResult<Row>> {
    const { eachTransaction } = this.#options
    if (eachTransaction === undefined || (READ.test(sql) && !eachTransaction.includesReads))
      return await this.#ask(sql, parameters)
    await this.#begin('begin')
    try {
      const result = await this.#ask<Row>(sql, parameters)
      await this.#end('commit')
      return result
    } catch (error) {
      await this.#end('rollback').catch(forgiveUnavailable)
      throw error
    }
  }

  async #ask<Row>(text: string, parameters: readonly unknown[]): Promise<PostgresQueryResult<Row>> {
    if (this.#broken !== undefined) throw this.#broken
    const name = this.#options.eachTransaction === undefined ? nameOf(text) : undefined
    const query = { text, values: [...parameters], ...(name !== undefined && { name }) }
    const client: Asking = this.#client
    try {
      return await translated(() => client.query<Row>(query))
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
// 40003: a distributed server does not know whether a commit succeeded, so it must not be retried.
const OUT_OF_ORDER = /^(?:08|28|53|57|58|25006|3D000|40003)/

export async function translated<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    throw translation(error)
  }
}

function translation(error: unknown): unknown {
  if (!(error instanceof Error)) return error
  if (!(error instanceof DatabaseError)) return new DatabaseUnavailable({ soon: false, cause: first(error) })
  const { code = '' } = error
  if (CONTENDED.test(code)) return new DatabaseUnavailable({ soon: true, cause: error })
  if (OUT_OF_ORDER.test(code)) return new DatabaseUnavailable({ soon: false, cause: error })
  return error
}

// A host with several addresses fails with one error for each, under an empty message.
function first(error: Error): Error {
  const inner: unknown = error instanceof AggregateError ? error.errors[0] : undefined
  return inner instanceof Error ? inner : error
}
