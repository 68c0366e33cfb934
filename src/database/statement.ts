import type { Compilable, CompiledQuery, Kysely } from 'kysely'

class Placeholder {
  readonly name: string

  constructor(name: string) {
    this.name = name
  }
}

type ParameterValues = Record<string, string | number | null>

const names = new Map<string, string>()

export function nameOf(sql: string): string | undefined {
  return names.get(sql)
}

/** Compiles once for each database, because that takes longer than running it. `build` must not look at `values`.
 * Name the columns: a prepared `*` fails on PostgreSQL when a newer version adds one. */
export function statement<Schema, Values extends ParameterValues, Row>(
  build: (db: Kysely<Schema>, values: Values) => Compilable<Row>,
): (db: Kysely<Schema>, values: Values) => Promise<Row[]> {
  const compiledFor = new WeakMap<object, CompiledQuery<Row>>()

  const compiled = (db: Kysely<Schema>) => {
    const { adapter } = db.getExecutor()
    const query = compiledFor.get(adapter) ?? build(db, placeholders<Values>()).compile()
    compiledFor.set(adapter, query)
    if (!names.has(query.sql)) names.set(query.sql, `gatehouse-${names.size + 1}`)
    return query
  }

  return async (db, values) => {
    const query = compiled(db)
    const parameters = query.parameters.map((value) =>
      value instanceof Placeholder ? values[value.name] : value,
    )
    return (await db.executeQuery<Row>({ ...query, parameters })).rows
  }
}

export async function changed(update: {
  executeTakeFirst(): Promise<{ numUpdatedRows: bigint }>
}): Promise<boolean> {
  const { numUpdatedRows } = await update.executeTakeFirst()
  return numUpdatedRows > 0n
}

function placeholders<Values extends ParameterValues>(): Values {
  return new Proxy({}, { get: (_, name) => new Placeholder(String(name)) }) as Values
}
