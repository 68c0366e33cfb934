import { parseArgs } from 'node:util'
import { migrateDatabase, missingMigrations } from '../database/migrate.js'
import { type Command, parsed, refuseMissing } from './command.js'
import { readSettings } from './settings.js'

export const command: Command = {
  name: 'migrate',
  summary: 'Bring the database up to date',
  help: `Usage: gatehouse migrate [--check]

Run the migrations that the database is missing, as every start of the site
does. Creates the SQLite file if there is none.

Options:
  --check  Run nothing, list what is missing. Exits with 1 if anything is`,
  async run(args) {
    const { values } = parsed(() =>
      parseArgs({ args: [...args], options: { check: { type: 'boolean', default: false } } }),
    )
    const { database } = await readSettings()
    return values.check ? check(database) : migrate(database)
  },
}

const UP_TO_DATE = 'The database is up to date.'

async function migrate(database: string): Promise<string> {
  const done = await migrateDatabase(database)
  return [...done.map((step) => `Ran ${step}`), UP_TO_DATE].join('\n')
}

async function check(database: string): Promise<string> {
  refuseMissing(database)
  const missing = await missingMigrations(database)
  if (missing.length > 0) throw new Error(`Missing migrations: ${missing.join(', ')}. Run gatehouse migrate.`)
  return UP_TO_DATE
}
