import type { Compilable, CompiledQuery, Kysely } from 'kysely'

class Blank {
  readonly name: string

  constructor(name: string) {
    this.name = name
  }
}

type Given = Record<string, string | number | null>

const names = new Map<string, string>()

export function nameOf(sql: string): string | undefined {
  return names.get(sql)
}

/** Compiles once for each database, because that takes longer than running it. Pass values to Kysely only as
 * values. Name the columns: with `*` a server fails when a newer version adds one. */
export function statement<Schema, Values extends Given, Row>(
  build: (db: Kysely<Schema>, values: Values) => Compilable<Row>,
): (db: Kysely<Schema>, values: Values) => Promise<Row[]> {
  const known = new WeakMap<object, CompiledQuery<Row>>()

  const compiled = (db: Kysely<Schema>) => {
    const { adapter } = db.getExecutor()
    const query = known.get(adapter) ?? build(db, blanks<Values>()).compile()
    known.set(adapter, query)
    if (!names.has(query.sql)) names.set(query.sql, `gatehouse-${names.size + 1}`)
    return query
  }

  return async (db, values) => {
    const query = compiled(db)
    const parameters = query.parameters.map((value) => (value instanceof Blank ? values[value.name] : value))
    return (await db.executeQuery<Row>({ ...query, parameters })).rows
  }
}

export async function changed(update: {
  executeTakeFirst(): Promise<{ numUpdatedRows: bigint }>
}): Promise<boolean> {
  const { numUpdatedRows } = await update.executeTakeFirst()
  return numUpdatedRows > 0n
}

function blanks<Values extends Given>(): Values {
  return new Proxy({}, { get: (_, name) => new Blank(String(name)) }) as Values
}
