// Runs a file of the build of the current sources in this process: node .ci/built.mjs src/site.js
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { currentBuild } from './builds.mjs'

const [file = '', ...args] = process.argv.slice(2)
const program = join(await currentBuild(), file)
// As if it had been started directly, because it starts its workers with the same arguments.
process.argv.splice(1, process.argv.length, program, ...args)
await import(pathToFileURL(program).href)
