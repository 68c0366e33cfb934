import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'

export interface Outcome {
  /** What was wrong with the process; '' if nothing was. */
  problem: string
  stdout: string
  /** The same, and what was written to standard error. */
  output: string
}

const SECONDS_ALLOWED = 1_200
const WORKER = join(import.meta.dirname, 'worker.js')
const windows = process.platform === 'win32'
const running = new Set<ChildProcess>()

/** At the end of the whole run. */
export function killProcesses(): void {
  for (const child of running) kill(child)
}

/** A process for test files: for one alone, or for many, one after another. */
export class TestProcess {
  isOver = false
  readonly #child: ChildProcess
  readonly #end: Promise<string>
  /** Ends what a file has written; nothing that a test prints looks like it. */
  readonly #mark = `file ends ${randomUUID()}`
  #stdout = ''
  #output = ''
  #late = ''
  #onMark: (problem: string) => void = () => {}

  constructor(env: NodeJS.ProcessEnv, alone?: string) {
    this.#child = spawn(process.execPath, ['--enable-source-maps', alone ?? WORKER], {
      env: { ...env, TEST_FILE_ENDS: this.#mark },
      // A group of its own, so that whatever the files started can be ended with it.
      detached: !windows,
      stdio: [alone === undefined ? 'pipe' : 'ignore', 'pipe', 'pipe'],
    })
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => this.#hear(text))
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#output += text
    })
    this.#end = this.#ending()
  }

  /** Runs this file, or waits for the one that the process is for alone. */
  async run(file?: string): Promise<Outcome> {
    this.#stdout = ''
    this.#output = ''
    const timer = setTimeout(() => {
      this.#late = `ended after ${SECONDS_ALLOWED} s`
      kill(this.#child)
    }, SECONDS_ALLOWED * 1000)
    const marked = new Promise<string>((resolve) => {
      this.#onMark = resolve
    })
    if (file !== undefined) this.#child.stdin?.write(`${file}\n`)
    const problem = await Promise.race([marked, this.#end])
    clearTimeout(timer)
    // Who went before the file had ended has failed, however it says goodbye.
    const left = file !== undefined && this.isOver && problem === '' ? 'ended before the file did' : problem
    return { problem: left, stdout: this.#stdout, output: this.#output }
  }

  /** No more files: waits for its end. */
  async finish(): Promise<void> {
    this.#child.stdin?.end()
    await this.#end
  }

  #hear(text: string): void {
    this.#stdout += text
    this.#output += text
    const [before = '', code] = this.#stdout.split(`\n${this.#mark} `)
    if (code === undefined || !code.endsWith('\n')) return
    this.#stdout = before
    this.#output = this.#output.replace(`\n${this.#mark} ${code}`, '')
    this.#onMark(code === '0\n' ? '' : `exit code ${code.trim()}`)
  }

  /** Waits for the end of the process and of its output, and says what was wrong with that end. */
  #ending(): Promise<string> {
    const child = this.#child
    running.add(child)
    return new Promise((resolve, reject) => {
      child.on('error', reject)
      child.on('exit', () => sweep(child))
      child.on('close', (code, signal) => {
        running.delete(child)
        this.isOver = true
        resolve(this.#late || signal || (code === 0 ? '' : `exit code ${code}`))
      })
    })
  }
}

/** Ends what a process left behind. What escaped from the group must not keep the run waiting by its open output. */
function sweep(child: ChildProcess): void {
  kill(child)
  setTimeout(() => {
    child.stdout?.destroy()
    child.stderr?.destroy()
  }, 1000).unref()
}

function kill({ pid }: ChildProcess): void {
  if (pid === undefined) return
  if (windows) {
    spawnSync('taskkill', ['/pid', `${pid}`, '/t', '/f'])
    return
  }
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // Nobody is left in the group.
  }
}
