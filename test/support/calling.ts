import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { settingsFor } from './databases.js'
import { Program } from './program.js'

export interface Outcome {
  code: number | NodeJS.Signals | null
  stdout: string
  stderr: string
}

export const GATEHOUSE = join(import.meta.dirname, '../../src/cli.js')

export interface CallOptions {
  /** The URL of its database. */
  database: string
  /** More settings for `.env`. */
  settings?: Record<string, string>
  /** Its standard input. */
  input?: string
  /** Options for Node. */
  node?: readonly string[]
}

/** Calls `gatehouse` in its own process and folder, with a site's settings in `.env`. */
export async function callGatehouse(
  args: readonly string[],
  { database, settings = {}, input = '', node = [] }: CallOptions,
): Promise<Outcome> {
  const folder = settled({ ...settingsFor(database), ...settings })
  try {
    const program = new Program([...node, GATEHOUSE, ...args], { cwd: folder })
    program.tell(input)
    const code = await program.end
    return { code, stdout: program.stdout, stderr: program.stderr }
  } finally {
    rmSync(folder, { recursive: true })
  }
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
