import { setTimeout as pause } from 'node:timers/promises'
import { SECOND } from '../base/durations.js'
import * as mails from '../tables/mails.js'
import { type AttemptOptions, attempt, LEASE, ServerWatch } from './attempt.js'
import type { Posted } from './outbox.js'

export interface Delivery {
  close(): Promise<void>
}

const POLL_EVERY = SECOND
// Emails become visible when the transaction that posts them commits.
const COMMIT_WAIT = 10
const MAX_PARALLEL = 5
const MAX_DEFERRED = 100
const END_WAIT = 2.5 * SECOND
const CUT_OFF_WAIT = SECOND / 2

export function startDelivery(options: AttemptOptions): Delivery {
  const worker = new Worker(options)
  options.outbox.onPosted((posted) => worker.notice(posted))
  worker.pollIn(0)
  return worker
}

class Worker implements Delivery {
  readonly #options: AttemptOptions
  readonly #server: ServerWatch
  readonly #sending = new Map<string, Promise<void>>()
  readonly #deferred = new Set<string>()
  readonly #stop = new AbortController()
  #isClosing = false
  #timer: NodeJS.Timeout | undefined
  #pollsAt = Number.POSITIVE_INFINITY
  #polling: Promise<void> = Promise.resolve()

  constructor(options: AttemptOptions) {
    this.#options = options
    this.#server = new ServerWatch(options.log)
  }

  notice({ id, after }: Posted): void {
    if (after === undefined || this.#deferred.size >= MAX_DEFERRED) {
      this.pollIn(COMMIT_WAIT)
      return
    }
    this.#deferred.add(id)
    after.then(() => {
      this.#deferred.delete(id)
      this.pollIn(COMMIT_WAIT)
    })
  }

  // Keeps the earliest time, so a steady stream of emails cannot postpone the next check.
  pollIn(delay: number): void {
    const at = performance.now() + delay
    if (this.#isClosing || at >= this.#pollsAt) return
    clearTimeout(this.#timer)
    this.#pollsAt = at
    this.#timer = setTimeout(() => {
      this.#pollsAt = Number.POSITIVE_INFINITY
      this.#polling = this.#polling
        .then(() => this.#poll())
        .catch((error: unknown) => this.#options.log.debug({ err: error }, 'could not check outbox'))
        .finally(() => this.pollIn(POLL_EVERY))
    }, delay).unref()
  }

  async #poll(): Promise<void> {
    const limit = MAX_PARALLEL - this.#sending.size
    if (limit <= 0 || this.#isClosing) return
    const { database, now } = this.#options
    const except = [...this.#sending.keys(), ...this.#deferred]
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
        this.pollIn(0)
      })
    this.#sending.set(mail.id, work)
  }

  async close(): Promise<void> {
    this.#isClosing = true
    clearTimeout(this.#timer)
    const ended = this.#polling.then(() => Promise.all(this.#sending.values()))
    await Promise.race([ended, pause(END_WAIT, undefined, { ref: false })])
    this.#stop.abort()
    await Promise.race([ended, pause(CUT_OFF_WAIT, undefined, { ref: false })])
  }
}
