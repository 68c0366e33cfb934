import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'

export interface Outcome {
  /** What was wrong with the process, or ''. */
  problem: string
  stdout: string
  /** The standard output and error. */
  output: string
}

const SECONDS_ALLOWED = 1_200
const WORKER = join(import.meta.dirname, 'worker.js')
const windows = process.platform === 'win32'
const running = new Set<ChildProcess>()

/** Kills all processes, at the end of the whole run. */
export function killProcesses(): void {
  for (const child of running) kill(child)
}

/** A process for one test file, or for many, one after another. */
export class TestProcess {
  isOver = false
  readonly #child: ChildProcess
  readonly #end: Promise<string>
  /** Marks the end of a file's output. No test prints it. */
  readonly #mark = `file ends ${randomUUID()}`
  #stdout = ''
  #output = ''
  #late = ''
  #onMark: (problem: string) => void = () => {}

  constructor(env: NodeJS.ProcessEnv, alone?: string) {
    this.#child = spawn(process.execPath, ['--enable-source-maps', alone ?? WORKER], {
      env: { ...env, TEST_FILE_ENDS: this.#mark },
      // Its own process group, so that everything the files start ends with it.
      detached: !windows,
      stdio: [alone === undefined ? 'pipe' : 'ignore', 'pipe', 'pipe'],
    })
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => this.#hear(text))
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#output += text
    })
    this.#end = this.#ending()
  }

  /** Runs this file, or waits for the process's only file. */
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
    // A process that ends before its file has failed, whatever its exit code.
    const left = file !== undefined && this.isOver && problem === '' ? 'ended before the file did' : problem
    return { problem: left, stdout: this.#stdout, output: this.#output }
  }

  /** Waits for the end, without more files. */
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

  /** Waits for the end of the process and its output, and returns what was wrong. */
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

/** Ends what a process left behind. A process outside of the group must not keep the run waiting with its open output. */
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
    // The group is empty.
  }
}
