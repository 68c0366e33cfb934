import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'
import type { Gauge } from './gauge.js'

const GAUGE = pathToFileURL(join(import.meta.dirname, 'gauge.js')).href
const LISTENS = /(?:listens on|is running at) (http:\/\/\S+?)\/?$/

export interface ServerOptions {
  /** The working folder, away from the developer's `.env`. */
  folder: string
  args?: readonly string[]
  env?: Record<string, string>
}

/** A server in its own process. */
export class Server {
  readonly address: string
  readonly #child: ChildProcess

  private constructor(child: ChildProcess, address: string) {
    this.#child = child
    this.address = address
  }

  static async start(script: string, { folder, args = [], env = {} }: ServerOptions): Promise<Server> {
    const child = spawn(process.execPath, ['--import', GAUGE, script, ...args], {
      cwd: folder,
      env: { PATH: process.env.PATH, TMPDIR: process.env.TMPDIR, ...env },
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    })
    const kill = () => void child.kill('SIGKILL')
    process.once('exit', kill)
    child.once('exit', () => process.off('exit', kill))
    return new Server(child, await addressIn(child, script))
  }

  /** CPU time so far, in microseconds. */
  async cpu(): Promise<number> {
    this.#child.send('cpu')
    // The site also says that it is ready.
    for (;;) {
      const [said]: (Gauge | string)[] = await once(this.#child, 'message')
      if (typeof said === 'object') return said.cpu
    }
  }

  /** Memory of the process with its share of shared pages, in MiB; undefined if the system does not show it. */
  memory(): number | undefined {
    if (process.platform !== 'linux') return undefined
    const rollup = readFileSync(`/proc/${this.#child.pid}/smaps_rollup`, 'utf8')
    return Number(/^Pss:\s+(\d+) kB$/m.exec(rollup)?.[1]) / 1024
  }

  async stop(): Promise<void> {
    const ended = once(this.#child, 'exit')
    this.#child.kill('SIGINT')
    await ended
  }
}

async function addressIn(child: ChildProcess, script: string): Promise<string> {
  if (child.stdout === null) throw new Error('It has no output.')
  for await (const line of createInterface(child.stdout)) {
    const [, address] = LISTENS.exec(line) ?? []
    if (address !== undefined) return address
  }
  throw new Error(`${script} has ended before it listened.`)
}
