import { hash } from 'node:crypto'
import type { Kysely } from 'kysely'
import { KEYS, type TableName } from '../../db/migrations/index.js'
import { sql } from './kysely.js'
import { locate } from './locate.js'
import type { DatabaseLocation } from './location.js'
import { migrateDatabase, missingMigrations } from './migrate.js'
import { openForLongQueries } from './postgres.js'
import { openSqlite } from './sqlite.js'

export interface CopyProgress {
  begin(total: number): void
  advance(rows: number): void
}

export interface Count {
  table: TableName
  rows: number
}

export interface Copied {
  when: 'now' | 'before'
  counts: readonly Count[]
}

type Value = string | number | null

type Row = Record<string, Value>

type Tables = Record<string, Row>

interface Sum extends Count {
  sum: bigint
}

// SQLite takes at most 32,766 values in a statement.
const BATCH = 500

const TABLES = Object.keys(KEYS).filter((name): name is TableName => name in KEYS)

/** Copies all rows in one transaction. The target must be empty, or already hold this copy. */
export async function copyDatabase(
  from: DatabaseLocation,
  to: DatabaseLocation,
  progress: CopyProgress,
): Promise<Copied> {
  const missing = await missingMigrations(from)
  if (missing.length > 0)
    throw new Error(`The source is missing migrations: ${missing.join(', ')}. Run gatehouse migrate first.`)
  await migrateDatabase(to)
  const source = open(from)
  const target = open(to)
  try {
    return await target.transaction().execute((transaction) => copyInto(transaction, source, progress))
  } finally {
    await source.destroy()
    await target.destroy()
  }
}

function open(location: DatabaseLocation): Kysely<Tables> {
  const located = locate(location)
  return located.kind === 'file'
    ? openSqlite<Tables>(located.file, { durability: 'power' })
    : openForLongQueries<Tables>(located.server)
}

async function copyInto(
  target: Kysely<Tables>,
  source: Kysely<Tables>,
  progress: CopyProgress,
): Promise<Copied> {
  const wanted = await countsOf(source)
  const found = await countsOf(target)
  if (totalOf(found.filter(({ table }) => table !== 'keys')) > 0) {
    await refuseOtherRows({ wanted, found }, { source, target }, progress)
    return { when: 'before', counts: found }
  }
  // A site that was started on the target has recorded its keys there.
  await target.deleteFrom('keys').execute()
  progress.begin(3 * totalOf(wanted))
  // A snapshot, so that every row comes with the rows it refers to.
  const reading = source.transaction().setIsolationLevel('repeatable read')
  const read = await reading.execute((snapshot) => copyTables(snapshot, target, progress))
  if (!isSame(read, await sumsOf(target, progress))) {
    throw new Error('The copy does not match the source. Nothing was copied.')
  }
  if (!isSame(read, await sumsOf(source, progress))) {
    throw new Error(
      'The source changed during the copy. Nothing was copied. Stop the site and run this again.',
    )
  }
  return { when: 'now', counts: read }
}

async function refuseOtherRows(
  { wanted, found }: Record<'wanted' | 'found', readonly Count[]>,
  { source, target }: Record<'source' | 'target', Kysely<Tables>>,
  progress: CopyProgress,
): Promise<void> {
  progress.begin(totalOf(wanted) + totalOf(found))
  const isLike = wanted.every(({ rows }, index) => rows === found[index]?.rows)
  if (isLike && isSame(await sumsOf(source, progress), await sumsOf(target, progress))) return
  throw new Error('The target holds other data. Nothing was copied. Use an empty database.')
}

function totalOf(counts: readonly Count[]): number {
  return counts.reduce((sum, { rows }) => sum + rows, 0)
}

function isSame(one: readonly Sum[], other: readonly Sum[]): boolean {
  return one.every(({ rows, sum }, index) => rows === other[index]?.rows && sum === other[index]?.sum)
}

async function countsOf(db: Kysely<Tables>): Promise<Count[]> {
  const counts: Count[] = []
  for (const table of TABLES) {
    const row = await db
      .selectFrom(table)
      .select(({ fn }) => fn.countAll<number>().as('rows'))
      .executeTakeFirstOrThrow()
    counts.push({ table, rows: row.rows })
  }
  return counts
}

function copyTables(source: Kysely<Tables>, target: Kysely<Tables>, progress: CopyProgress): Promise<Sum[]> {
  return sumsOf(source, progress, (table, rows) => target.insertInto(table).values(rows).execute())
}

async function sumsOf(
  db: Kysely<Tables>,
  progress: CopyProgress,
  each?: (table: TableName, rows: Row[]) => Promise<unknown>,
): Promise<Sum[]> {
  const sums: Sum[] = []
  for (const table of TABLES) {
    const sum = { table, rows: 0, sum: 0n }
    for await (const rows of batchesOf(db, table)) {
      await each?.(table, rows)
      add(sum, rows)
      progress.advance(rows.length)
    }
    sums.push(sum)
  }
  return sums
}

async function* batchesOf(db: Kysely<Tables>, table: TableName): AsyncGenerator<Row[]> {
  const key = sql.ref<Value>(KEYS[table])
  let last: Value | undefined
  do {
    const after = last
    const rows = await db
      .selectFrom(table)
      .selectAll()
      .$if(after !== undefined, (all) => all.where(key, '>', after ?? ''))
      .orderBy(key)
      .limit(BATCH)
      .execute()
    if (rows.length > 0) yield rows
    last = rows.length < BATCH ? undefined : rows.at(-1)?.[KEYS[table]]
  } while (last !== undefined)
}

const MODULUS = 2n ** 256n

function add(sum: Sum, rows: readonly Row[]): void {
  const columns = Object.keys(rows[0] ?? {}).sort()
  for (const row of rows) {
    const content = JSON.stringify(columns.map((column) => row[column]))
    sum.sum = (sum.sum + BigInt(`0x${hash('sha256', content)}`)) % MODULUS
  }
  sum.rows += rows.length
}
