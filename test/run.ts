/*
 * Runs the built test files in five processes for two cores. Files in heavy/ run only with --heavy, each in its own process,
 * one for each core. Words on the command line choose the files whose names contain one of them. --coverage measures the
 * coverage of all files together, without the browser. PostgreSQL is the run's own server or TEST_DATABASE_URL. The benchmark
 * runs last and alone.
 */
import { spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { availableParallelism } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { parseArgs } from 'node:util'
import { root } from '../src/base/package.js'
import { unpack } from './browser/chromium.js'
import { dropDatabases } from './support/databases.js'
import {
  isForBrowser,
  isHeavy,
  isMeasuring,
  type Job,
  jobsFor,
  KINDS,
  type Kind,
  kindOf,
  runsAlone,
} from './support/jobs.js'
import { PostgresServer } from './support/postgres.js'
import { endLeftServers, makeRunFolder } from './support/run-folder.js'
import { killProcesses, type Outcome, TestProcess } from './support/test-process.js'

interface Figures {
  passed: number
  failed: number
  skipped: number
}

interface Verdict extends Figures {
  /** The file, and its database if it opens one. */
  what: string
  seconds: number
  output: string
  /** What was wrong with the file as a whole, or ''. */
  problem: string
}

/**
 * What the processes on two cores run first; then they help with the rest. Mixed, because those of the browser wait most of
 * their time, and others a third. Only two for PostgreSQL, because each new database takes up to 0.2 s, and a process keeps its.
 */
const FIRST: readonly Kind[] = ['browser', 'browser', 'PostgreSQL', 'PostgreSQL', 'other']
const SLOWEST_SHOWN = 10
const SUMMARY = /^ {2}Total: +(\d+)\n {2}Passed: +(\d+)\n {2}Skipped: +(\d+)$/gm

const here = import.meta.dirname
const { values: wanted, positionals: words } = parseArgs({
  options: { coverage: { type: 'boolean', default: false }, heavy: { type: 'boolean', default: false } },
  allowPositionals: true,
})
const jobs = jobsFor({ words, heavy: wanted.heavy })
if (jobs.length === 0) console.log('There is no test file of such a name.')
const folder = makeRunFolder({ inMemory: !wanted.heavy })
let server: PostgresServer | undefined
const coverage = wanted.coverage && words.length === 0 ? join(folder, 'coverage') : undefined
process.on('exit', cleanUp)
process.on('SIGHUP', () => abort('SIGHUP', 129))
process.on('SIGINT', () => abort('SIGINT', 130))
process.on('SIGTERM', () => abort('SIGTERM', 143))

const [env, serverUrl] = await Promise.all([environment(), findServer()])
const waiting = jobs.filter(({ file }) => !isMeasuring(file))
const verdicts: Verdict[] = []
await Promise.all(firstKinds().map(work))
for (const job of jobs.filter(({ file }) => isMeasuring(file))) await newSlot().run(job)
await leaveServer()

reportSlowest()
const isCovered = coverage === undefined || showCoverage(coverage)
for (const verdict of verdicts.filter(({ failed }) => failed > 0)) reportFailure(verdict)
process.exitCode = sum('failed') > 0 || sum('passed') === 0 || !isCovered ? 1 : 0
console.log(`\n${inWords(total())}`)

/** Returns what each of the processes runs first. */
function firstKinds(): Kind[] {
  const cores = availableParallelism()
  const length = wanted.heavy ? cores : Math.ceil((cores * FIRST.length) / 2)
  return Array.from({ length }, (_, at) => FIRST[at % FIRST.length] ?? 'other')
}

async function findServer(): Promise<string | undefined> {
  if (!jobs.some(({ database }) => database === 'PostgreSQL')) return undefined
  if (process.env.TEST_DATABASE_URL) return process.env.TEST_DATABASE_URL
  endLeftServers(folder)
  server = await PostgresServer.make(join(folder, 'postgres'), { detached: true })
  await server.start()
  return server.url
}

async function leaveServer(): Promise<void> {
  if (server === undefined && serverUrl !== undefined) await dropDatabases(serverUrl, `${process.pid}`)
  await server?.stop()
}

async function environment(): Promise<NodeJS.ProcessEnv> {
  // For the browser's profile, too.
  Object.assign(process.env, { TMPDIR: folder, TEMP: folder, TMP: folder })
  const unpacked = jobs.some(({ file }) => isForBrowser(file)) ? await unpack(folder) : {}
  const colours = { NO_COLOR: '1', FORCE_COLOR: undefined }
  // Tests set what they need, so the runner's NODE_ENV must not reach them.
  const own = { NODE_ENV: undefined, NODE_V8_COVERAGE: undefined, TEST_RUN: `${process.pid}` }
  return { ...process.env, ...unpacked, ...colours, ...own }
}

async function work(first: Kind): Promise<void> {
  const slot = newSlot()
  const kinds = [first, ...KINDS.toReversed()]
  for (let job = next(kinds); job !== undefined; job = next(kinds)) await slot.run(job)
  await slot.end()
}

/** Takes the first waiting job of the first kind that has one. */
function next(kinds: readonly Kind[]): Job | undefined {
  const kind = kinds.find((kind) => waiting.some((job) => kindOf(job) === kind))
  const at = waiting.findIndex((job) => kindOf(job) === kind)
  return at < 0 ? undefined : waiting.splice(at, 1)[0]
}

/** Runs files one after another, in the same process if they can share one. */
function newSlot() {
  let shared: { process: TestProcess; kind: string } | undefined
  const end = async () => shared?.process.finish()
  const processFor = async (own: NodeJS.ProcessEnv) => {
    const kind = JSON.stringify(own)
    if (shared === undefined || shared.process.isOver || shared.kind !== kind) {
      await end()
      shared = { process: new TestProcess({ ...env, ...own }), kind }
    }
    return shared.process
  }
  const outcomeOf = async (job: Job, path: string, own: NodeJS.ProcessEnv) => {
    if (isHeavy(job.file)) return new TestProcess({ ...env, ...own }, path).run()
    if (!runsAlone(job)) return (await processFor(own)).run(path)
    const alone = new TestProcess({ ...env, ...own })
    const outcome = await alone.run(path)
    await alone.finish()
    return outcome
  }
  return {
    end,
    async run(job: Job): Promise<void> {
      const start = performance.now()
      const own = environmentOf(job)
      const path = join(here, job.file)
      const outcome = await outcomeOf(job, path, own)
      const what = job.database === undefined ? job.file : `${job.file} on ${job.database}`
      const seconds = (performance.now() - start) / 1000
      report({ ...verdictOf(outcome), what, seconds, output: outcome.output })
      if (isMeasuring(job.file) && outcome.problem === '') console.log(outcome.output)
    },
  }
}

function environmentOf(job: Job): NodeJS.ProcessEnv {
  return {
    TEST_DATABASE_URL: job.database === 'PostgreSQL' ? serverUrl : undefined,
    COVERAGE_FOLDER: isCounted(job) ? coverage : undefined,
  }
}

/** Whether the job counts for the coverage. What runs twice need not be measured twice. */
function isCounted({ file, database }: Job): boolean {
  return !isForBrowser(file) && (database !== 'PostgreSQL' || file.endsWith('.postgres.test.js'))
}

/** Checks more than the totals, because uvu exits with 0 when a hook threw or a file has no tests. */
function verdictOf({ problem: ending, stdout }: Outcome): Figures & Pick<Verdict, 'problem'> {
  const summaries = [...stdout.matchAll(SUMMARY)]
  const add = (group: number) => summaries.reduce((sum, summary) => sum + Number(summary[group]), 0)
  const planned = add(1)
  const passed = add(2)
  const problem = ending || problemIn(summaries.length, planned, passed)
  const failed = Math.max(planned - passed, problem === '' ? 0 : 1)
  return { passed, failed, skipped: add(3), problem }
}

function problemIn(summaries: number, planned: number, passed: number): string {
  if (summaries === 0) return 'no figures; is .run() missing?'
  if (planned === 0) return 'no tests'
  return passed < planned ? 'not every test passed, but uvu reported success; did a hook throw?' : ''
}

function report(verdict: Verdict): void {
  verdicts.push(verdict)
  const place = `[${verdicts.length}/${jobs.length}]`
  if (verdict.failed === 0) console.log(`✔ ${place} ${inLine(verdict)}`)
  else console.log(`\n✘ ${place} ${inLine(verdict)}\n${verdict.output}`)
}

function inLine({ what, seconds, problem, ...figures }: Verdict): string {
  return `${what}: ${inWords(figures)} (${seconds.toFixed(1)} s)${problem === '' ? '' : `, ${problem}`}`
}

/** Repeats the failures at the end. */
function reportFailure(verdict: Verdict): void {
  console.log(`\n✘ ${inLine(verdict)}\n${verdict.output}`)
}

function reportSlowest(): void {
  const slowest = [...verdicts].sort((one, other) => other.seconds - one.seconds).slice(0, SLOWEST_SHOWN)
  const lines = slowest.map(({ what, seconds }) => `${seconds.toFixed(1).padStart(7)} s  ${what}`)
  console.log(['', 'The slowest:', ...lines].join('\n'))
}

/** Shows the coverage, and returns whether it is enough (`c8` in package.json). */
function showCoverage(data: string): boolean {
  const { resolve } = createRequire(import.meta.url)
  const c8 = join(dirname(resolve('c8/package.json')), 'bin', 'c8.js')
  const sources = relative(root, join(here, '../src')).replaceAll('\\', '/')
  const bundled = ['database/kysely.js', 'cli.js', 'site.js', `**/*-${'[A-Z0-9]'.repeat(8)}.js`]
  const excluded = bundled.flatMap((file) => ['--exclude', `${sources}/${file}`])
  const args = [c8, 'report', '--temp-directory', data, '--include', `${sources}/**/*.js`, ...excluded]
  console.log()
  return spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' }).status === 0
}

/** Prints no totals, because they would look like those of the whole run. */
function abort(signal: NodeJS.Signals, code: number): void {
  const soFar = `${verdicts.length} of ${jobs.length} files had run, ${inWords(total())} so far`
  console.log(`\nAborted by ${signal}: ${soFar}.`)
  process.exit(code)
}

function total(): Figures {
  return { passed: sum('passed'), failed: sum('failed'), skipped: sum('skipped') }
}

function sum(figure: keyof Figures): number {
  return verdicts.reduce((sum, verdict) => sum + verdict[figure], 0)
}

function inWords({ passed, failed, skipped }: Figures): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`
}

function cleanUp(): void {
  killProcesses()
  server?.stopNow()
  // A closing browser may still write.
  rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
}
