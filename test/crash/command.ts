/*
 * npm run crash -- [rounds] [--seed N] [--postgres]
 * Kills the site that often, 100 times unless it is said, and tells what came of it.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { freshDatabase } from '../databases.js'
import { PostgresServer } from '../postgres.js'
import { areQuick, type Report, survive } from './rounds.js'

const { values, positionals } = parseArgs({
  options: { seed: { type: 'string' }, postgres: { type: 'boolean' } },
  allowPositionals: true,
})
const rounds = Number(positionals[0] ?? 100)
const seed = Number(values.seed ?? Date.now() % 1_000_000)
const folder = mkdtempSync(join(tmpdir(), 'gatehouse-test-'))
const server = values.postgres ? await PostgresServer.make(join(folder, 'postgres')) : undefined
console.log(`${rounds} rounds on ${server === undefined ? 'SQLite' : 'PostgreSQL'}, --seed ${seed}`)
try {
  await server?.start()
  const database = server?.url ?? (await freshDatabase())
  tell(await survive({ database, rounds, seed, onRound: (round) => process.stdout.write(`\r${round} `) }))
} finally {
  await server?.stop()
  rmSync(folder, { recursive: true, force: true })
}

function tell({ problems, starts, ...figures }: Report): void {
  const { people, acknowledged, cutOff, cutOffDone, mails, mailsTwice } = figures
  const seconds = (place: number) => ((starts.at(place) ?? 0) / 1000).toFixed(2)
  console.log(`\r${people} accounts, ${acknowledged} changes that were answered`)
  console.log(
    `${cutOff} changes were cut off: ${cutOffDone} are done, ${cutOff - cutOffDone} are not, none by half`,
  )
  console.log(`${mails} mails came, ${mailsTwice} of them once more, known by the same Message-ID`)
  console.log(`A start took ${seconds(Math.floor(starts.length / 2))} s, the longest one ${seconds(-1)} s`)
  for (const problem of problems) console.error(`✘ ${problem}`)
  if (problems.length > 0 || !areQuick(starts)) process.exitCode = 1
  else console.log('✔ Nothing that was acknowledged is missing, and nothing is half done')
}
