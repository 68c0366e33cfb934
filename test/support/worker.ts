/*
 * Runs test files in this process, one after another, as their paths arrive on standard input. A marker line ends the
 * output of each.
 */
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'

/** Makes uvu collect a file's suites in this list instead of running them. */
const queue: (string | null)[][] = []
Object.assign(globalThis, { UVU_DEFER: true, UVU_INDEX: 0, UVU_QUEUE: queue })
process.env.TEST_WORKER = '1'
const { exec } = await import('uvu')
const writeCoverage = await coverage(process.env.COVERAGE_FOLDER)
const { reuseDatabases } = process.env.TEST_DATABASE_URL ? await import('./databases.js') : {}

for await (const file of createInterface(process.stdin)) {
  // A file that waits forever ends the process, as it would on its own.
  process.stdin.unref()
  process.exitCode = 0
  queue.splice(0, queue.length, [null])
  await import(pathToFileURL(file).href)
  await exec()
  await reuseDatabases?.()
  process.stdout.write(`\n${process.env.TEST_FILE_ENDS} ${process.exitCode}\n`)
  process.stdin.ref()
}
writeCoverage?.()
process.exit()

async function coverage(folder: string | undefined) {
  if (folder === undefined) return undefined
  const { startCoverage } = await import('./coverage.js')
  return startCoverage(folder)
}
