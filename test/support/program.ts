import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { request } from 'node:http'
import { join } from 'node:path'
import * as assert from 'uvu/assert'

/** The environment variables that a tested program inherits, without settings of a site. */
const INHERITED = ['PATH', 'SystemRoot', 'TMPDIR', 'TEMP', 'TMP']

export function inherited(): Record<string, string> {
  const named = INHERITED.map((name): [string, string | undefined] => [name, process.env[name]])
  return Object.fromEntries(named.filter((one): one is [string, string] => one[1] !== undefined))
}

/** A Node script in its own process. Every test waits for its `end`. */
export class Program {
  stdout = ''
  stderr = ''
  /** The exit code, or the signal that ended it. */
  readonly end: Promise<number | NodeJS.Signals | null>
  readonly #child: ChildProcess
  readonly #isGroup: boolean

  /** `detached` lets a test kill it together with all its child processes. */
  constructor(
    args: string[],
    { cwd, env = {}, detached = false }: { cwd: string; env?: Record<string, string>; detached?: boolean },
  ) {
    const child = spawn(process.execPath, args, { cwd, env: { ...inherited(), ...env }, detached })
    this.#isGroup = detached
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text
    })
    this.#child = child
    const kill = () => this.kill()
    process.once('exit', kill)
    child.once('close', () => process.off('exit', kill))
    this.end = once(child, 'close').then(([code, signal]) => code ?? signal)
  }

  /** Waits until standard output matches. Throws if the program ends before it does. */
  async says(pattern: RegExp): Promise<RegExpExecArray> {
    let ended = false
    void this.end.then(() => {
      ended = true
    })
    for (;;) {
      const match = pattern.exec(this.stdout)
      if (match !== null) return match
      if (ended) throw new Error(`It ended without ${pattern}:\n${this.stdout}${this.stderr}`)
      await Promise.race([once(this.#child.stdout ?? this.#child, 'data'), this.end])
    }
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  hear(line: string): void {
    this.#child.stdin?.write(`${line}\n`)
  }

  /** Writes its whole standard input. */
  tell(text: string): void {
    // A program that does not read it may have ended.
    this.#child.stdin?.on('error', () => {}).end(text)
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name)
  }

  /** Kills it with SIGKILL, together with its child processes if it is detached. */
  kill(): void {
    if (this.#isGroup && this.pid !== undefined) process.kill(-this.pid, 'SIGKILL')
    else this.#child.kill('SIGKILL')
  }
}

/** Starts the real, built site on a free port, with only these settings. */
export function launchSite(cwd: string, env: Record<string, string>): Program {
  return new Program([join(import.meta.dirname, '../../src/site.js')], { cwd, env: { PORT: '0', ...env } })
}

/** Waits until the site logs its address, and returns it. */
export async function addressOf(site: Program): Promise<string> {
  const [, address = ''] = await site.says(/^Gatehouse is running at (http:\/\/127\.0\.0\.1:\d+)\/$/m)
  return address
}

/** Sends a request on a new connection, and returns the status. Throws if nothing listens. */
export function status(address: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    request(address, { agent: false }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode))
    })
      .on('error', reject)
      .end()
  })
}

/** Checks that the site did not start, and returns its errors, one for each line after the first. */
export async function refusal(program: Program): Promise<string[]> {
  assert.is(await program.end, 1)
  assert.not.match(program.stderr, /^\s+at /m)
  assert.not.match(program.stdout, 'is running')
  const [, ...sentences] = program.stderr.trimEnd().split('\n')
  for (const sentence of sentences) assert.match(sentence, /^[A-Z].* .*/)
  return sentences
}
