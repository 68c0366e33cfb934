/*
 * npm run crash -- [rounds] [--seed N] [--postgres] [--workers N]
 * Kills the site that often (100 by default) and reports the results. With several workers it kills all of them or one.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { freshDatabase } from '../../support/databases.js'
import { PostgresServer } from '../../support/postgres.js'
import { areQuick, type Report, survive } from './rounds.js'

const { values, positionals } = parseArgs({
  options: { seed: { type: 'string' }, postgres: { type: 'boolean' }, workers: { type: 'string' } },
  allowPositionals: true,
})
const rounds = Number(positionals[0] ?? 100)
const seed = Number(values.seed ?? Date.now() % 1_000_000)
const workers = Number(values.workers ?? 1)
const folder = mkdtempSync(join(tmpdir(), 'gatehouse-test-'))
const server = values.postgres ? await PostgresServer.make(join(folder, 'postgres')) : undefined
console.log(
  `${rounds} rounds on ${server === undefined ? 'SQLite' : 'PostgreSQL'}, --workers ${workers}, --seed ${seed}`,
)
try {
  await server?.start()
  const database = server?.url ?? (await freshDatabase())
  const onRound = (round: number) => process.stdout.write(`\r${round} `)
  report(await survive({ database, rounds, workers, seed, onRound }))
} finally {
  await server?.stop()
  rmSync(folder, { recursive: true, force: true })
}

function report({ problems, starts, ...figures }: Report): void {
  const { people, acknowledged, cutOff, cutOffDone, mails, mailsTwice, replaced } = figures
  const seconds = (place: number) => ((starts.at(place) ?? 0) / 1000).toFixed(2)
  console.log(`\r${people} accounts, ${acknowledged} changes that got a response`)
  console.log(
    `${cutOff} changes were cut off: ${cutOffDone} are done, ${cutOff - cutOffDone} are not, none by half`,
  )
  console.log(`${mails} mails came, ${mailsTwice} of them once more, known by the same Message-ID`)
  if (replaced > 0) console.log(`${replaced} times one worker alone was killed, and replaced`)
  console.log(`A start took ${seconds(Math.floor(starts.length / 2))} s, the longest one ${seconds(-1)} s`)
  for (const problem of problems) console.error(`✘ ${problem}`)
  if (problems.length > 0 || !areQuick(starts)) process.exitCode = 1
  else console.log('✔ Nothing that was acknowledged is missing, and nothing is half done')
}
