import { setTimeout as pause } from 'node:timers/promises'
import type { Logger } from 'pino'
import { DAY, HOUR, MINUTE, SECOND } from '../base/durations.js'
import { errorText } from '../base/error-text.js'
import { DatabaseUnavailable } from '../database/unavailable.js'
import * as mails from '../tables/mails.js'
import type { Database, Db } from '../tables/schema.js'
import { LostMail, type Outbox, UnreadableMail } from './outbox.js'
import { type ComposeOptions, compose, type MailContent } from './template.js'
import {
  DeliveryError,
  type DeliveryProblem,
  type OutgoingMail,
  type Transport,
  withoutSecrets,
} from './transport.js'

export interface AttemptOptions extends ComposeOptions {
  database: Database
  outbox: Outbox
  log: Logger
  now: () => number
  transport: Transport | undefined
  contentOf(mail: mails.StoredMail): Promise<MailContent | undefined>
  onFailed(): void
}

// Renewed while sending, so another process soon takes over the emails of one that was killed.
export const LEASE = 30 * SECOND
const RENEW_EVERY = 5 * SECOND
// Sending stops that long before another process may take the email. Its clock may be ahead.
const LEASE_MARGIN = 5 * SECOND
const SEND_TIMEOUT = 2 * MINUTE
const SAVE_RETRY = 250
// The retry delay grows with the email's age: short in a short outage, rare in a long one.
const SHARE_OF_AGE = 1 / 8
const PAUSES: Record<DeliveryProblem, { shortest: number; longest: number }> = {
  unreachable: { shortest: 2 * SECOND, longest: 30 * SECOND },
  later: { shortest: 15 * SECOND, longest: HOUR },
  refused: { shortest: MINUTE, longest: MINUTE },
}
// Retried once, because servers refuse by mistake.
const MAX_REFUSALS = 2
const GIVE_UP_AFTER = 2 * DAY
// During a key rotation, another node may already have the key that is missing here.
const UNREADABLE_GIVE_UP_AFTER = HOUR

export async function attempt(
  mail: mails.StoredMail,
  options: AttemptOptions,
  server: ServerWatch,
  stop: AbortSignal,
): Promise<void> {
  const { write } = options.database
  const lease = keepLease(options, mail)
  try {
    const content = await options.contentOf(mail)
    if (content === undefined) return await write((transaction) => mails.remove(transaction, mail))
    const outgoing = compose(mail, content, options)
    if (options.transport === undefined) return await keepCaught(options, mail, outgoing)
    const signal = AbortSignal.any([stop, lease.lost, AbortSignal.timeout(SEND_TIMEOUT)])
    const problem = await problemOf(options.transport, outgoing, signal)
    if (!stop.aborted && !lease.lost.aborted) server.observe(problem)
    await settle(options, mail, problem, stop)
  } catch (error) {
    if (error instanceof LostMail) return
    if (error instanceof DatabaseUnavailable) throw error
    await settleError(options, mail, error, stop)
  } finally {
    lease.end()
  }
}

function keepCaught(
  { database, outbox, now }: AttemptOptions,
  mail: mails.StoredMail,
  outgoing: OutgoingMail,
): Promise<void> {
  const facts = outbox.encryptCaught(mail.id, outgoing)
  return database.write((transaction) => mails.sent(transaction, mail, { now: now(), facts }))
}

async function problemOf(
  transport: Transport,
  outgoing: OutgoingMail,
  signal: AbortSignal,
): Promise<DeliveryError | undefined> {
  try {
    await transport.send(outgoing, signal)
    return undefined
  } catch (error) {
    const message = withoutSecrets(errorText(error))
    return new DeliveryError(error instanceof DeliveryError ? error.problem : 'later', message)
  }
}

interface Lease {
  lost: AbortSignal
  end(): void
}

function keepLease({ database, now }: AttemptOptions, mail: mails.StoredMail): Lease {
  const lost = new AbortController()
  const expireAt = (time: number) =>
    setTimeout(() => lost.abort(), Math.max(0, time - now() - LEASE_MARGIN)).unref()
  let expiry = expireAt(mail.dueAt)
  const timer = setInterval(() => {
    const until = now() + LEASE
    database
      .write((transaction) => mails.extendLease(transaction, mail, until))
      .then(
        (isOurs) => {
          clearTimeout(expiry)
          if (isOurs) expiry = expireAt(until)
          else lost.abort()
        },
        () => {},
      )
  }, RENEW_EVERY).unref()
  const end = () => {
    clearInterval(timer)
    clearTimeout(expiry)
  }
  return { lost: lost.signal, end }
}

async function settle(
  options: AttemptOptions,
  mail: mails.StoredMail,
  error: DeliveryError | undefined,
  stop: AbortSignal,
): Promise<void> {
  const now = options.now()
  if (error === undefined) {
    return save(options, stop, (transaction) => mails.sent(transaction, mail, { now }))
  }
  const age = now - mail.createdAt
  const refusals = mail.refusals + (error.problem === 'refused' ? 1 : 0)
  const facts = { refusals, problem: error.message }
  if (refusals >= MAX_REFUSALS || age >= GIVE_UP_AFTER) return markFailed(options, mail, facts, stop)
  // An email cut off by our own shutdown is due at once for the next process.
  const dueAt = stop.aborted ? now : now + pauseAfter(error.problem, age)
  await save(options, stop, (transaction) => mails.retry(transaction, mail, { dueAt, ...facts }))
}

function pauseAfter(problem: DeliveryProblem, age: number): number {
  const { shortest, longest } = PAUSES[problem]
  return Math.min(Math.max(age * SHARE_OF_AGE, shortest), longest)
}

// Retries until the database is back, because an accepted email must not be sent again.
async function save<Result>(
  { database }: AttemptOptions,
  stop: AbortSignal,
  work: (transaction: Db) => Promise<Result>,
): Promise<Result> {
  for (;;) {
    try {
      return await database.write(work)
    } catch (error) {
      if (!(error instanceof DatabaseUnavailable) || stop.aborted) throw error
    }
    await pause(SAVE_RETRY, undefined, { ref: false })
  }
}

async function markFailed(
  options: AttemptOptions,
  mail: mails.StoredMail,
  { refusals, problem }: { refusals: number; problem: string },
  stop: AbortSignal,
): Promise<void> {
  const now = options.now()
  const isFailed = await save(options, stop, (transaction) =>
    mails.markFailed(transaction, mail, { now, refusals, problem }),
  )
  if (isFailed) {
    options.onFailed()
    options.log.warn({ mail: mail.id, kind: mail.kind, problem }, 'email failed: see gatehouse mails')
  }
}

async function settleError(
  options: AttemptOptions,
  mail: mails.StoredMail,
  error: unknown,
  stop: AbortSignal,
): Promise<void> {
  const problem = errorText(error)
  const isUnreadable = error instanceof UnreadableMail
  if (isUnreadable && options.now() - mail.createdAt >= UNREADABLE_GIVE_UP_AFTER) {
    return markFailed(options, mail, { refusals: mail.refusals, problem }, stop)
  }
  options.log.error({ err: error, mail: mail.id, kind: mail.kind }, 'could not create email')
  await settle(options, mail, new DeliveryError('later', problem), stop)
}

export class ServerWatch {
  readonly #log: Logger
  #isAway = false

  constructor(log: Logger) {
    this.#log = log
  }

  observe(error: DeliveryError | undefined): void {
    const wasAway = this.#isAway
    this.#isAway = error?.problem === 'unreachable'
    if (this.#isAway && !wasAway) {
      this.#log.warn({ problem: error?.message }, 'mail server unavailable (SMTP_URL): emails are waiting')
    }
    if (!this.#isAway && wasAway) this.#log.info('mail server available again')
  }
}
