/*
 * Runs test files in this one process, one after another, as their paths come on standard input; a line of its own ends the
 * output of each.
 */
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'

/** So uvu runs nothing by itself, and takes what a file holds from this list. */
const queue: (string | null)[][] = []
Object.assign(globalThis, { UVU_DEFER: true, UVU_INDEX: 0, UVU_QUEUE: queue })
const { exec } = await import('uvu')

for await (const file of createInterface(process.stdin)) {
  // A file that waits for what never comes is to end the process, as it would if it ran by itself.
  process.stdin.unref()
  process.exitCode = 0
  queue.splice(0, queue.length, [null])
  await import(pathToFileURL(file).href)
  await exec()
  process.stdout.write(`\n${process.env.TEST_FILE_ENDS} ${process.exitCode}\n`)
  process.stdin.ref()
}
process.exit()
