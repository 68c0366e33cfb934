import { setTimeout as pause } from 'node:timers/promises'
import { type Letter, LostMail, letterOf, lifetimesOf, pathOf, UnreadableMail } from '../accounts/letters.js'
import { DAY, HOUR, MINUTE, SECOND } from '../base/durations.js'
import { DatabaseUnavailable } from '../database/unavailable.js'
import * as mails from '../tables/mails.js'
import type { Db } from '../tables/schema.js'
import type { Views } from '../views/views.js'
import type { Gatehouse } from '../visitor/gatehouse.js'
import type { Delivery, Message, Transport } from './smtp.js'

/** Sends what is in the outbox. */
export interface Mailing {
  /** Finishes what is being sent, for a few seconds, and sends no more. */
  close(): Promise<void>
}

export interface MailingOptions {
  gatehouse: Gatehouse
  /** Undefined where mails are caught. */
  transport: Transport | undefined
  /** In front of the path of every link: `https://example.com`. */
  origin: string
}

const LOOK_EVERY = SECOND
/** What is posted is looked for so much later, for it has yet to be committed. */
const COMMIT_WAIT = 10
const AT_ONCE = 5
/** So many are left for later at once; in a flood of more nobody can tell one from another. */
const MOST_LATER = 100
/** A mail that is being sent is taken for so long, and again while it lasts: who is killed leaves it to others soon. */
const LEASE = 30 * SECOND
const HOLD_EVERY = 5 * SECOND
/** Who could not take it again for so long, because the database is away, stops before others may begin. */
const LEASE_LOST = 25 * SECOND
/** The longest that sending one may take. */
const PATIENCE = 2 * MINUTE
const NOTE_AGAIN = 250
const END_WAIT = 2.5 * SECOND
const CUT_OFF_WAIT = SECOND / 2
/**
 * The pauses grow with what the mail has waited already, so that it goes out soon after an outage, the sooner the shorter
 * that was. A server that is away is asked often, so that its return is seen within a minute.
 */
const PART_OF_AGE = 1 / 8
const PAUSES = {
  unreachable: { shortest: 2 * SECOND, longest: 30 * SECOND },
  later: { shortest: 15 * SECOND, longest: HOUR },
  refused: { shortest: MINUTE, longest: MINUTE },
}
/** Of what a server refuses for good it is asked once more, for servers err. */
const MOST_REFUSALS = 2
const GIVE_UP_AFTER = 2 * DAY
/** While keys are being changed, another node may have the one that is missing here. */
const UNREADABLE_GIVE_UP_AFTER = HOUR

/** Sends mails from now on, those first that have waited longest; several processes share the work. */
export function startMailing(options: MailingOptions): Mailing {
  const { gatehouse } = options
  const sending = new Map<string, Promise<void>>()
  const later = new Set<string>()
  const stop = new AbortController()
  const server = createServerWatch(gatehouse)
  let isClosing = false
  let timer: NodeJS.Timeout | undefined
  let looksAt = Number.POSITIVE_INFINITY
  let looking: Promise<void> = Promise.resolve()

  const send = (mail: mails.StoredMail) => {
    const work = deliver(mail, options, stop.signal, server)
      .catch((error: unknown) =>
        gatehouse.log.warn({ err: error, mail: mail.id }, 'a mail is left for later'),
      )
      .finally(() => {
        sending.delete(mail.id)
        lookIn(0)
      })
    sending.set(mail.id, work)
  }

  const look = async () => {
    const limit = AT_ONCE - sending.size
    if (limit <= 0 || isClosing) return
    const except = [...sending.keys(), ...later]
    const claim = { now: gatehouse.now(), lease: LEASE, limit, except }
    for (const mail of await mails.claim(gatehouse.database, claim)) send(mail)
  }

  // One look at a time, at the earliest that was asked for: mails that are posted all the time do not put it off.
  const lookIn = (delay: number) => {
    const at = performance.now() + delay
    if (isClosing || at >= looksAt) return
    clearTimeout(timer)
    looksAt = at
    timer = setTimeout(() => {
      looksAt = Number.POSITIVE_INFINITY
      looking = looking
        .then(look)
        .catch((error: unknown) => gatehouse.log.debug({ err: error }, 'the outbox was not looked at'))
        .finally(() => lookIn(LOOK_EVERY))
    }, delay).unref()
  }

  gatehouse.outbox.onPosted(({ id, after }) => {
    if (after === undefined || later.size >= MOST_LATER) return lookIn(COMMIT_WAIT)
    later.add(id)
    after.then(() => {
      later.delete(id)
      lookIn(COMMIT_WAIT)
    })
  })
  lookIn(0)
  return {
    async close() {
      isClosing = true
      clearTimeout(timer)
      const ended = looking.then(() => Promise.all(sending.values()))
      await Promise.race([ended, pause(END_WAIT, undefined, { ref: false })])
      stop.abort()
      await Promise.race([ended, pause(CUT_OFF_WAIT, undefined, { ref: false })])
    },
  }
}

async function deliver(
  mail: mails.StoredMail,
  options: MailingOptions,
  stop: AbortSignal,
  server: ServerWatch,
): Promise<void> {
  const { gatehouse, transport } = options
  const { write } = gatehouse.database
  const hold = holdOn(gatehouse, mail)
  try {
    const letter = await letterOf(gatehouse, mail)
    if (letter === undefined) return await write((transaction) => mails.remove(transaction, mail))
    const message = messageOf(letter, mail, options)
    if (transport === undefined) {
      const facts = gatehouse.outbox.sealCaught(mail.id, message)
      return await write((transaction) => mails.sent(transaction, mail, { now: gatehouse.now(), facts }))
    }
    const signal = AbortSignal.any([stop, hold.lost, AbortSignal.timeout(PATIENCE)])
    const delivery = await transport.send(message, signal)
    if (!stop.aborted && !hold.lost.aborted) server.note(delivery)
    await settle(gatehouse, mail, delivery, stop)
  } catch (error) {
    if (error instanceof LostMail) return
    if (error instanceof DatabaseUnavailable) throw error
    await failed(gatehouse, mail, error, stop)
  } finally {
    hold.end()
  }
}

interface Hold {
  /** Aborted when the mail may be somebody else's by now. */
  lost: AbortSignal
  end(): void
}

/** Takes the mail again and again, for as long as it is being sent. */
function holdOn({ database, now }: Gatehouse, mail: mails.StoredMail): Hold {
  const lost = new AbortController()
  let heldAt = performance.now()
  const timer = setInterval(() => {
    const begun = performance.now()
    if (begun - heldAt > LEASE_LOST) lost.abort()
    database
      .write((transaction) => mails.hold(transaction, mail, now() + LEASE))
      .then(
        (isHeld) => {
          heldAt = begun
          if (!isHeld) lost.abort()
        },
        () => {},
      )
  }, HOLD_EVERY).unref()
  return { lost: lost.signal, end: () => clearInterval(timer) }
}

/** Writes a mail. Throws if its template is broken. */
export function messageOf(
  letter: Letter,
  mail: Pick<mails.StoredMail, 'id' | 'createdAt'>,
  { gatehouse, origin }: Pick<MailingOptions, 'gatehouse' | 'origin'>,
): Message {
  const { to, name, code, language } = letter.prepared
  const render = (template: string, values: object) => gatehouse.render(language, template, values)
  const { life, codeLife } = lifetimesOf(letter)
  const link = origin + pathOf(gatehouse, letter)
  const values = { ...letter.facts, name, code: code ?? '', link, life, codeLife }
  const [head = '', ...body] = render(`mail/${letter.kind}.txt`, values).trimStart().split('\n')
  const [, subject] = /^Subject: (.+)$/.exec(head.trim()) ?? []
  if (subject === undefined) throw new Error(`mail/${letter.kind}.txt does not begin with a line Subject: …`)
  return {
    messageId: `${mail.id}@${new URL(origin).hostname}`,
    date: new Date(mail.createdAt),
    to,
    subject,
    // What a template leaves out leaves its empty lines behind.
    text: `${body
      .join('\n')
      .trim()
      .replaceAll(/\n{3,}/g, '\n\n')}\n`,
    html: unlinked(render(`mail/${letter.kind}.html`, { ...values, subject })),
  }
}

// Mail programs make a link of a name like `win.example`, unless its dots stand apart.
function unlinked(html: string): string {
  return html.replaceAll(/(?<=<bdi translate="no">)[^<]*/g, (data) => data.replaceAll('.', '<span>.</span>'))
}

async function settle(
  gatehouse: Gatehouse,
  mail: mails.StoredMail,
  delivery: Delivery,
  stop: AbortSignal,
): Promise<void> {
  const now = gatehouse.now()
  if (delivery.state === 'sent') {
    return noted(gatehouse, stop, (transaction) => mails.sent(transaction, mail, { now }))
  }
  const { state, problem } = delivery
  const age = now - mail.createdAt
  const refusals = mail.refusals + (state === 'refused' ? 1 : 0)
  if (refusals >= MOST_REFUSALS || age >= GIVE_UP_AFTER) {
    return bury(gatehouse, mail, { refusals, problem }, stop)
  }
  // What is cut off by our own end is tried at once by whoever comes next.
  const dueAt = stop.aborted ? now : now + pauseAfter(state, age)
  await noted(gatehouse, stop, (transaction) => mails.retry(transaction, mail, { dueAt, refusals, problem }))
}

function pauseAfter(state: keyof typeof PAUSES, age: number): number {
  const { shortest, longest } = PAUSES[state]
  return Math.min(Math.max(age * PART_OF_AGE, shortest), longest)
}

/** What the server has said is noted however long the database is away: a mail that it has taken must not come again. */
async function noted<Result>(
  { database }: Gatehouse,
  stop: AbortSignal,
  note: (transaction: Db) => Promise<Result>,
): Promise<Result> {
  for (;;) {
    try {
      return await database.write(note)
    } catch (error) {
      if (!(error instanceof DatabaseUnavailable) || stop.aborted) throw error
    }
    await pause(NOTE_AGAIN, undefined, { ref: false })
  }
}

// What is known of it is in the table, for the maintainer.
async function bury(
  gatehouse: Gatehouse,
  mail: mails.StoredMail,
  { refusals, problem }: { refusals: number; problem: string },
  stop: AbortSignal,
): Promise<void> {
  const now = gatehouse.now()
  const isDead = await noted(gatehouse, stop, (transaction) =>
    mails.bury(transaction, mail, { now, refusals, problem }),
  )
  if (isDead) {
    gatehouse.log.warn(
      { mail: mail.id, kind: mail.kind, problem },
      'a mail is given up: see it with `gatehouse mails`',
    )
  }
}

/** Not the server's doing: a template that does not work, or a key that is gone. */
async function failed(
  gatehouse: Gatehouse,
  mail: mails.StoredMail,
  error: unknown,
  stop: AbortSignal,
): Promise<void> {
  const problem = error instanceof Error ? error.message : String(error)
  const isUnreadable = error instanceof UnreadableMail
  if (isUnreadable && gatehouse.now() - mail.createdAt >= UNREADABLE_GIVE_UP_AFTER) {
    return bury(gatehouse, mail, { refusals: mail.refusals, problem }, stop)
  }
  gatehouse.log.error({ err: error, mail: mail.id, kind: mail.kind }, 'a mail could not be written')
  await settle(gatehouse, mail, { state: 'later', problem }, stop)
}

interface ServerWatch {
  note(delivery: Delivery): void
}

/** Says once that the mail server is away, and once that it is back, however many mails wait. */
function createServerWatch({ log }: Gatehouse): ServerWatch {
  let isAway = false
  return {
    note(delivery) {
      const wasAway = isAway
      isAway = delivery.state === 'unreachable'
      if (delivery.state === 'unreachable' && !wasAway) {
        log.warn({ problem: delivery.problem }, 'the mail server cannot be used: mails wait (SMTP_URL)')
      }
      if (!isAway && wasAway) log.info('the mail server can be used again')
    },
  }
}

/** Renders text and HTML by the end of a template's name: text is written as it is. */
export function mailRenderer(html: Views, text: Views): (template: string, values: object) => string {
  return (template, values) => (template.endsWith('.txt') ? text : html).render(template, values)
}
