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
  /** The address of its database. */
  database: string
  /** More of what `.env` says. */
  settings?: Record<string, string>
  /** What is on its standard input. */
  input?: string
  /** What Node is told. */
  node?: readonly string[]
}

/** Calls `gatehouse` in a process and a folder of its own, with the settings of a site in `.env`. */
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

/** A folder with these settings in `.env`. */
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

/** A refusal is a few sentences or a usage on one line of standard error. */
export function assertRefused(outcome: Outcome, code: number, sentence: RegExp): void {
  assert.is(outcome.code, code, outcome.stderr)
  assert.is(outcome.stdout, '')
  assert.match(outcome.stderr, sentence)
  assert.match(outcome.stderr, /^[^\n]+(?:\.| Usage: gatehouse [^\n]+)\n$/)
}
