import { setTimeout as pause } from 'node:timers/promises'
import { SECOND } from '../base/durations.js'
import * as mails from '../tables/mails.js'
import { type AttemptOptions, attempt, LEASE, ServerWatch } from './attempt.js'
import type { Posted } from './outbox.js'

export interface Mailing {
  close(): Promise<void>
}

const LOOK_EVERY = SECOND
// Emails are posted inside a transaction, so they are not visible until it commits.
const COMMIT_WAIT = 10
const AT_ONCE = 5
const MAX_LATER = 100
const END_WAIT = 2.5 * SECOND
const CUT_OFF_WAIT = SECOND / 2

export function startMailing(options: AttemptOptions): Mailing {
  const worker = new Worker(options)
  options.outbox.onPosted((posted) => worker.notice(posted))
  worker.lookIn(0)
  return worker
}

class Worker implements Mailing {
  readonly #options: AttemptOptions
  readonly #server: ServerWatch
  readonly #sending = new Map<string, Promise<void>>()
  readonly #later = new Set<string>()
  readonly #stop = new AbortController()
  #isClosing = false
  #timer: NodeJS.Timeout | undefined
  #looksAt = Number.POSITIVE_INFINITY
  #looking: Promise<void> = Promise.resolve()

  constructor(options: AttemptOptions) {
    this.#options = options
    this.#server = new ServerWatch(options.log)
  }

  notice({ id, after }: Posted): void {
    if (after === undefined || this.#later.size >= MAX_LATER) {
      this.lookIn(COMMIT_WAIT)
      return
    }
    this.#later.add(id)
    after.then(() => {
      this.#later.delete(id)
      this.lookIn(COMMIT_WAIT)
    })
  }

  // Keeps the earliest requested time, so a steady stream of emails cannot postpone the next check.
  lookIn(delay: number): void {
    const at = performance.now() + delay
    if (this.#isClosing || at >= this.#looksAt) return
    clearTimeout(this.#timer)
    this.#looksAt = at
    this.#timer = setTimeout(() => {
      this.#looksAt = Number.POSITIVE_INFINITY
      this.#looking = this.#looking
        .then(() => this.#look())
        .catch((error: unknown) => this.#options.log.debug({ err: error }, 'could not check outbox'))
        .finally(() => this.lookIn(LOOK_EVERY))
    }, delay).unref()
  }

  async #look(): Promise<void> {
    const limit = AT_ONCE - this.#sending.size
    if (limit <= 0 || this.#isClosing) return
    const { database, now } = this.#options
    const except = [...this.#sending.keys(), ...this.#later]
    const claim = { now: now(), lease: LEASE, limit, except }
    if (!(await mails.isAnyDue(database.main, claim))) return
    for (const mail of await database.write((transaction) => mails.claim(transaction, claim)))
      this.#send(mail)
  }

  #send(mail: mails.StoredMail): void {
    const work = attempt(mail, this.#options, this.#server, this.#stop.signal)
      .catch((error: unknown) => this.#options.log.warn({ err: error, mail: mail.id }, 'email postponed'))
      .finally(() => {
        this.#sending.delete(mail.id)
        this.lookIn(0)
      })
    this.#sending.set(mail.id, work)
  }

  async close(): Promise<void> {
    this.#isClosing = true
    clearTimeout(this.#timer)
    const ended = this.#looking.then(() => Promise.all(this.#sending.values()))
    await Promise.race([ended, pause(END_WAIT, undefined, { ref: false })])
    this.#stop.abort()
    await Promise.race([ended, pause(CUT_OFF_WAIT, undefined, { ref: false })])
  }
}
