/*
 * Measures the site beside floors that do only what is necessary, and prints the ratios. `--quick` takes less than a
 * minute. `--million` is separate, because it first fills a database with millions of rows. Words choose parts: `npm run
 * bench -- storm sweep`.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Comparison, Pace } from './compare.js'
import { measureFirstVisit } from './first-visit.js'
import { durableWrites, isBearable, leastLogins, type Measure, measureSite, QUICK } from './measures.js'
import { measureMillion } from './million.js'
import { measurePeer } from './peer.js'
import { measurePostgres } from './postgres.js'
import { type Cost, measureProcesses } from './processes.js'
import { measureStorm } from './storm.js'
import { measureSweep } from './sweep.js'
import { costRow, heading, row } from './table.js'
import { measureWorkers } from './workers.js'

interface Measured {
  measures?: Measure[]
  costs?: Cost[]
  writes?: number
  /** F5 beside F3. */
  logins?: Comparison
}

const PARTS: Record<string, (pace: Pace) => Promise<Measured>> = {
  pages: async (pace) => ({
    measures: await measureSite(pace),
    writes: await durableWrites(pace),
    ...(!isQuick && { logins: await leastLogins(pace) }),
  }),
  peer: measurePeer,
  processes: async (pace) => ({ costs: await measureProcesses(pace) }),
  visit: async () => ({ costs: await measureFirstVisit() }),
  storm: measureStorm,
  workers: async (pace) => ({ measures: await measureWorkers(pace) }),
  sweep: async () => ({ costs: await measureSweep() }),
  postgres: async (pace) => ({ measures: await measurePostgres(pace) }),
  million: async (pace) => ({ costs: await measureMillion(pace) }),
}

const args = process.argv.slice(2)
const isQuick = args.includes('--quick')
const pace = isQuick ? QUICK : { rounds: 7, seconds: 3, warmUp: 15 }
const all: Measured & Required<Pick<Measured, 'measures' | 'costs'>> = { measures: [], costs: [] }

console.log(heading())
for (const name of chosen()) {
  const measured = await PARTS[name]?.(pace)
  if (measured === undefined) throw new Error(`There is no ${name}, only ${Object.keys(PARTS).join(', ')}.`)
  show(measured)
  const { measures = [], costs = [], ...said } = measured
  all.measures.push(...measures)
  all.costs.push(...costs)
  Object.assign(all, said)
}
writeFileSync(join(import.meta.dirname, '../../../bench.json'), JSON.stringify(all, null, 2))
const isCheap = all.costs.every(({ ratio, most }) => ratio < 2 * most)
process.exitCode = all.measures.every(isBearable) && isCheap ? 0 : 1

function chosen(): string[] {
  if (isQuick) return ['pages']
  if (args.includes('--million')) return ['million']
  return args.length > 0 ? args : Object.keys(PARTS).filter((name) => name !== 'million')
}

function show({ measures = [], costs = [], writes, logins }: Measured): void {
  for (const measure of measures) console.log(row(measure))
  for (const cost of costs) console.log(costRow(cost))
  if (writes !== undefined)
    console.log(`F4: ${writes.toFixed(0)} writes a second that are on the disk, one after the other`)
  if (logins !== undefined)
    console.log(
      `F5: the least that Koa does for a login, ${logins.target.perSecond.toFixed(0)}/s, ${logins.ratio.toFixed(2)} of F3`,
    )
}
