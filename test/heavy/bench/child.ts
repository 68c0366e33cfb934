import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'

/** A script in its own process, which replies to each message with one message. */
export class Child<Question extends object, Answer> {
  readonly #child: ChildProcess
  readonly #end: Promise<never>

  constructor(script: string, args: readonly string[] = [], env: Record<string, string> = {}) {
    this.#child = fork(script, args, { execArgv: [], env: { ...process.env, ...env } })
    this.#end = once(this.#child, 'exit').then(([code]) => {
      throw new Error(`A process has ended with ${code}.`)
    })
    // The next caller gets the error.
    this.#end.catch(() => {})
    const kill = () => this.stop()
    process.once('exit', kill)
    this.#child.once('exit', () => process.off('exit', kill))
  }

  async ask(question: Question): Promise<Answer> {
    this.#child.send(question)
    const [answer] = await Promise.race([once(this.#child, 'message'), this.#end])
    return answer
  }

  stop(): void {
    this.#child.kill('SIGKILL')
  }
}
