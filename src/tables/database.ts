import { type Kysely, Migrator } from 'kysely'
import { migrations } from '../../db/migrations/index.js'
import { refuseForeign } from './foreign.js'
import type { Db, Schema } from './schema.js'
import { openSqlite, retried, START_WAIT, translated } from './sqlite.js'

/** The database and its two ways in. */
export interface Database {
  /** For everything that must last: a write that was answered is on the disk. */
  main: Db
  /** For what may get lost with the power (last seen): cheap, and never waits for a lock. */
  loose: Db
  /** Does `work` in a transaction, again and again while another process holds the lock. It awaits nothing but its own statements. */
  write<Result>(work: (transaction: Db) => Promise<Result>): Promise<Result>
  /** Does `work`, one statement, on `loose`, again and again while another process holds the lock. */
  note<Result>(work: (loose: Db) => Promise<Result>): Promise<Result>
  /** Whether it answers and has every migration. */
  ready(): Promise<boolean>
  close(): Promise<void>
}

// Longer than a backup's or a maintainer's usual lock, shorter than a visitor's patience.
const WRITE_WAIT = 4_000

/**
 * Opens the database of `url` (`sqlite:<path>`) and brings it up to date; several processes may do so at once.
 * Throws a sentence that names what is wrong with it.
 */
export async function openDatabase(url: string): Promise<Database> {
  const file = sqliteFile(url)
  if (file === undefined) throw new Error('The database address has to be sqlite:<path>.')
  const { main, loose } = await opened(file)
  return {
    main,
    loose,
    write: (work) => retried(() => main.transaction().execute(work), WRITE_WAIT),
    note: (work) => retried(() => work(loose), WRITE_WAIT),
    ready: () => isCurrent(main),
    async close() {
      await loose.destroy()
      await main.destroy()
    },
  }
}

async function opened(file: string): Promise<{ main: Kysely<Schema>; loose: Kysely<Schema> }> {
  try {
    const main = await retried(() => openMigrated(file), START_WAIT)
    return {
      main,
      loose: await retried(async () => openSqlite<Schema>(file, { durable: false }), START_WAIT),
    }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new Error(`The database ${file} (DATABASE_URL) cannot be opened: ${reason}.`, { cause: error })
  }
}

async function openMigrated(file: string): Promise<Kysely<Schema>> {
  translated(() => refuseForeign(file, Object.keys(migrations)))
  const main = openSqlite<Schema>(file, { durable: true })
  try {
    await migrate(main)
    return main
  } catch (error) {
    await main.destroy()
    throw error
  }
}

/** The file of a `sqlite:` address; undefined for any other. */
function sqliteFile(url: string): string | undefined {
  return url.startsWith('sqlite:') ? url.slice('sqlite:'.length) : undefined
}

function migrator(db: Kysely<Schema>): Migrator {
  return new Migrator({ db, provider: { getMigrations: async () => migrations } })
}

async function migrate(db: Kysely<Schema>): Promise<void> {
  const { error } = await migrator(db).migrateToLatest()
  if (error !== undefined) throw error
}

async function isCurrent(db: Kysely<Schema>): Promise<boolean> {
  const states = await migrator(db).getMigrations()
  return states.every(({ executedAt }) => executedAt !== undefined)
}
