import type { Compilable, CompiledQuery, Kysely } from 'kysely'

/** In the place of what will be given. */
class Blank {
  readonly name: string

  constructor(name: string) {
    this.name = name
  }
}

type Given = Record<string, string | number | null>

const names = new Map<string, string>()

/** A name for this SQL if it is that of a statement which comes again and again: by it a server keeps what it has planned. */
export function nameOf(sql: string): string | undefined {
  return names.get(sql)
}

/**
 * A statement that is put into SQL once for each database, and from then on only given its values: for what comes with every
 * page or login the building takes longer than the answer. What is given may only be handed on to Kysely as a value. It
 * names the columns that it wants: a server refuses to go on with "all" once a newer version has added one.
 */
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

/** Runs an update and returns whether it has changed a row. */
export async function changed(update: {
  executeTakeFirst(): Promise<{ numUpdatedRows: bigint }>
}): Promise<boolean> {
  const { numUpdatedRows } = await update.executeTakeFirst()
  return numUpdatedRows > 0n
}

// To the builder a blank is a value like any other.
function blanks<Values extends Given>(): Values {
  return new Proxy({}, { get: (_, name) => new Blank(String(name)) }) as Values
}
