import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { request } from 'node:http'
import { join } from 'node:path'
import * as assert from 'uvu/assert'

/** What a program of ours may know of the environment it is tested in: not the settings of the site. */
const INHERITED = ['PATH', 'SystemRoot', 'TMPDIR', 'TEMP', 'TMP', 'NODE_V8_COVERAGE']

/** Node with a script of ours, in a process of its own. Every test waits for its `end`. */
export class Program {
  stdout = ''
  stderr = ''
  /** The exit code, or the signal that ended it. */
  readonly end: Promise<number | NodeJS.Signals | null>
  readonly #child: ChildProcess
  readonly #isGroup: boolean

  /** `detached` lets it be killed together with all that it starts. */
  constructor(
    args: string[],
    { cwd, env = {}, detached = false }: { cwd: string; env?: Record<string, string>; detached?: boolean },
  ) {
    const inherited = Object.fromEntries(INHERITED.map((name) => [name, process.env[name]]))
    const child = spawn(process.execPath, args, { cwd, env: { ...inherited, ...env }, detached })
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

  /** All that is on its standard input. */
  tell(text: string): void {
    // Whoever does not read it may be gone already.
    this.#child.stdin?.on('error', () => {}).end(text)
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name)
  }

  /** At once, with -9; what it has started with it, at the same moment, if it is detached. */
  kill(): void {
    if (this.#isGroup && this.pid !== undefined) process.kill(-this.pid, 'SIGKILL')
    else this.#child.kill('SIGKILL')
  }
}

/** The real, built site; it listens where there is room and knows no setting but these. */
export function launchSite(cwd: string, env: Record<string, string>): Program {
  return new Program([join(import.meta.dirname, '../../src/site.js')], { cwd, env: { PORT: '0', ...env } })
}

/** Waits until the site says where it listens. */
export async function addressOf(site: Program): Promise<string> {
  const [, address = ''] = await site.says(/^Gatehouse is running at (http:\/\/127\.0\.0\.1:\d+)\/$/m)
  return address
}

/** Sends a request on a connection of its own, and answers the status; throws if nobody listens. */
export function status(address: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    request(address, { agent: false }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode))
    })
      .on('error', reject)
      .end()
  })
}

/** The site did not start; every line but the first is a sentence. */
export async function refusal(program: Program): Promise<string[]> {
  assert.is(await program.end, 1)
  assert.not.match(program.stderr, /^\s+at /m)
  assert.not.match(program.stdout, 'is running')
  const [, ...sentences] = program.stderr.trimEnd().split('\n')
  for (const sentence of sentences) assert.match(sentence, /^[A-Z].* .*/)
  return sentences
}
