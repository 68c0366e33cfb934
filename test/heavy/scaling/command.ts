/*
 * npm run scaling: prints the tables of docs/scaling.md from the costs in docs/scaling.json. With `--measure` it first
 * measures these on this machine, on SQLite and PostgreSQL, and writes the file.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { root } from '../../../src/base/package.js'
import { freshDatabase } from '../../support/databases.js'
import { PostgresServer } from '../../support/postgres.js'
import { type Costs, measureCosts } from './costs.js'
import { type Sizes, sizesOf } from './sizes.js'
import { costTable, loadTable, needTable, sizeTable, stormTable } from './tables.js'

export interface Measured {
  machine: string
  costs: Costs
  rows: string
  sizes: { sqlite: Sizes; postgres: Sizes }
}

const FILE = join(root, 'docs', 'scaling.json')
const COUNTS = { users: 100_000, sessions: 5, events: 5 }

async function measure(): Promise<Measured> {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-test-'))
  const server = await PostgresServer.make(join(folder, 'postgres'))
  try {
    await server.start()
    const costs = await measureCosts(await freshDatabase())
    const sizes = {
      sqlite: await sizesOf(await freshDatabase(), COUNTS),
      postgres: await sizesOf(server.url, COUNTS),
    }
    const { users, sessions, events } = COUNTS
    return {
      machine: `${cpus().length} × ${cpus()[0]?.model.trim()}, Node ${process.version}`,
      costs,
      rows: `${users} users, ${users * sessions} sessions, ${users * events} events`,
      sizes,
    }
  } finally {
    await server.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

if (process.argv.includes('--measure')) writeFileSync(FILE, `${JSON.stringify(await measure(), null, 2)}\n`)
const { machine, costs, rows, sizes }: Measured = JSON.parse(readFileSync(FILE, 'utf8'))
console.log(`${machine}\n${rows}\n`)
console.log(costTable(costs))
console.log(sizeTable(sizes))
console.log(stormTable(costs))
console.log(loadTable(costs))
console.log(needTable(costs, sizes.postgres))
