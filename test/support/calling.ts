import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import * as assert from 'uvu/assert'
import { readAppFile } from '../../src/app-file.js'
import { call } from '../../src/commands/call.js'
import { setAppReader } from '../../src/commands/settings.js'
import { settingsFor } from './databases.js'
import { inherited, Program } from './program.js'

export interface Outcome {
  code: number | NodeJS.Signals | null
  stdout: string
  stderr: string
}

/** Options for Node that give a process the process id that it has in a container. */
export const IN_CONTAINER = [
  '--import',
  "data:text/javascript,Object.defineProperty(process, 'pid', { value: 1 })",
]

export const GATEHOUSE = join(import.meta.dirname, '../../src/cli.js')

interface InputOptions {
  /** Its standard input. */
  input?: string
  /** Whether it runs in its own process. */
  apart?: boolean
  /** Options for Node, in its own process. */
  node?: readonly string[]
}

export interface CallOptions extends InputOptions {
  /** The URL of its database. */
  database: string
  /** More settings for `.env`. */
  settings?: Record<string, string>
}

/** Calls `gatehouse` in a folder of its own, with a site's settings in `.env`. */
export async function callGatehouse(
  args: readonly string[],
  { database, settings = {}, ...options }: CallOptions,
): Promise<Outcome> {
  const folder = settled({ ...settingsFor(database), ...settings })
  try {
    return await callIn(folder, args, options)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

setAppReader(readAppFile)
let isCalled = false

/** Calls it in this process, because to start one takes longer than most commands, or apart if another call runs here. */
export async function callIn(
  folder: string,
  args: readonly string[],
  { input = '', apart = isCalled, node = [] }: InputOptions = {},
): Promise<Outcome> {
  if (!apart && node.length === 0) return callHere(args, { folder, input })
  const program = new Program([...node, GATEHOUSE, ...args], { cwd: folder })
  program.tell(input)
  const code = await program.end
  return { code, stdout: program.stdout, stderr: program.stderr }
}

async function callHere(
  args: readonly string[],
  { folder, input }: { folder: string; input: string },
): Promise<Outcome> {
  const [stdin, stdout, stderr] = [Readable.from([Buffer.from(input)]), new PassThrough(), new PassThrough()]
  const said = Promise.all([buffer(stdout), buffer(stderr)])
  const restore = replaceInProcess({ stdin, stdout, stderr, env: inherited() })
  const former = process.cwd()
  process.chdir(folder)
  isCalled = true
  const code = await call(args).finally(() => {
    isCalled = false
    process.chdir(former)
    restore()
  })
  stdout.end()
  stderr.end()
  const [output, errors] = await said
  return { code, stdout: output.toString(), stderr: errors.toString() }
}

function replaceInProcess(values: Partial<Record<keyof typeof process, unknown>>): () => void {
  const names = Object.keys(values)
  const former = names.map((name) => [name, Object.getOwnPropertyDescriptor(process, name)])
  for (const [name, value] of Object.entries(values))
    Object.defineProperty(process, name, { value, configurable: true, writable: true, enumerable: true })
  return () => Object.defineProperties(process, Object.fromEntries(former))
}

/** Creates a folder with these settings in `.env`. */
export function settled(settings: Record<string, string>): string {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-test-'))
  const lines = Object.entries(settings).map(([name, value]) => `${name}="${value}"`)
  writeFileSync(join(folder, '.env'), lines.join('\n'))
  return folder
}

export function assertDone(outcome: Outcome): void {
  assert.is(outcome.code, 0, outcome.stderr)
  assert.is(outcome.stderr, '')
}

/** Checks for a few sentences or a usage line on standard error. */
export function assertRefused(outcome: Outcome, code: number, sentence: RegExp): void {
  assert.is(outcome.code, code, outcome.stderr)
  assert.is(outcome.stdout, '')
  assert.match(outcome.stderr, sentence)
  assert.match(outcome.stderr, /^[^\n]+(?:\.| Usage: gatehouse [^\n]+)\n$/)
}
