import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'

/** A script of ours in a process of its own, which answers each question by one message. */
export class Child<Question extends object, Answer> {
  readonly #child: ChildProcess
  readonly #end: Promise<never>

  constructor(script: string, args: readonly string[] = [], env: Record<string, string> = {}) {
    this.#child = fork(script, args, { execArgv: [], env: { ...process.env, ...env } })
    this.#end = once(this.#child, 'exit').then(([code]) => {
      throw new Error(`A process has ended with ${code}.`)
    })
    // Whoever asks is told of it; nobody else needs to know.
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
