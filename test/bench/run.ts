/*
 * Measures the site beside floors that do nothing but what has to be done, and prints what it reaches of them.
 * `--quick` takes less than a minute.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { durableWrites, isBearable, measureSite, QUICK } from './measures.js'
import { measureProcesses } from './processes.js'
import { costRow, heading, row } from './table.js'

const isQuick = process.argv.includes('--quick')
const pace = isQuick ? QUICK : { rounds: 7, seconds: 3 }

console.log(heading())
const measures = await measureSite(pace, (measure) => console.log(row(measure)))
const costs = isQuick ? [] : await measureProcesses(pace)
for (const cost of costs) console.log(costRow(cost))
const writes = await durableWrites(pace)
console.log(`F4: ${writes.toFixed(0)} writes a second that are on the disk, one after the other`)
writeFileSync(
  join(import.meta.dirname, '../../bench.json'),
  JSON.stringify({ measures, costs, writes }, null, 2),
)
const isCheap = costs.every(({ ratio, most }) => ratio < 2 * most)
process.exitCode = measures.every(isBearable) && isCheap ? 0 : 1
