import { setTimeout as pause } from 'node:timers/promises'
import { DAY, HOUR, MINUTE, SECOND } from './durations.js'
import type { House } from './house.js'
import { type Letter, letterOf, lifetimesOf, pathOf, UnreadableMail } from './mail.js'
import type { Delivery, Message, Transport } from './smtp.js'
import * as mails from './tables/mails.js'
import { DatabaseUnavailable } from './tables/unavailable.js'
import type { Views } from './web/views.js'

/** Sends what is in the outbox. */
export interface Mailing {
  /** Finishes what is being sent, for a few seconds, and sends no more. */
  close(): Promise<void>
}

export interface MailingOptions {
  house: House
  /** Undefined where mails are caught. */
  transport: Transport | undefined
  /** Renders a template of a mail: `.txt` or `.html`. */
  render: (template: string, values: object) => string
  /** In front of the path of every link: `https://example.com`. */
  origin: string
}

const LOOK_EVERY = SECOND
const AT_ONCE = 5
/** A mail that is being sent is taken for so long, and again while it lasts: who is killed leaves it to others soon. */
const LEASE = 30 * SECOND
const HOLD_EVERY = 10 * SECOND
/** The longest that sending one may take. */
const PATIENCE = 2 * MINUTE
const END_WAIT = 3 * SECOND
/** A server that is away is asked again after so long at most, so that its return is seen within a minute. */
const AWAY_PAUSE = 30 * SECOND
const LATER_PAUSE = 15 * SECOND
const LONGEST_PAUSE = HOUR
const REFUSED_PAUSE = MINUTE
/** Of what a server refuses for good it is asked once more, for servers err. */
const MOST_REFUSALS = 2
const GIVE_UP_AFTER = 2 * DAY

/** Sends mails from now on, those first that have waited longest; several processes share the work. */
export function startMailing(options: MailingOptions): Mailing {
  const { house } = options
  const sending = new Set<Promise<void>>()
  const stop = new AbortController()
  const server = createServerWatch(house)
  let timer: NodeJS.Timeout
  let looking: Promise<void> = Promise.resolve()

  const send = (mail: mails.StoredMail) => {
    const work: Promise<void> = deliver(mail, options, stop.signal, server)
      .catch((error: unknown) => house.log.warn({ err: error, mail: mail.id }, 'a mail is left for later'))
      .finally(() => {
        sending.delete(work)
        lookIn(0)
      })
    sending.add(work)
  }

  const look = async () => {
    const limit = AT_ONCE - sending.size
    if (limit <= 0) return
    const now = house.now()
    for (const mail of await mails.claim(house.database, { now, lease: LEASE, limit })) send(mail)
  }

  // One look at a time: what is posted meanwhile is seen by the next.
  const lookIn = (delay: number) => {
    clearTimeout(timer)
    if (stop.signal.aborted) return
    timer = setTimeout(() => {
      looking = looking
        .then(look)
        .catch((error: unknown) => house.log.debug({ err: error }, 'the outbox was not looked at'))
        .finally(() => lookIn(LOOK_EVERY))
    }, delay).unref()
  }

  house.outbox.onPosted(() => lookIn(10))
  lookIn(0)
  return {
    async close() {
      clearTimeout(timer)
      const ended = looking.then(() => Promise.all(sending))
      await Promise.race([ended, pause(END_WAIT, undefined, { ref: false })])
      stop.abort()
      await Promise.race([ended, pause(SECOND, undefined, { ref: false })])
    },
  }
}

async function deliver(
  mail: mails.StoredMail,
  options: MailingOptions,
  stop: AbortSignal,
  server: ServerWatch,
): Promise<void> {
  const { house, transport } = options
  const { main } = house.database
  const holding = setInterval(() => {
    mails.hold(main, mail.id, house.now() + LEASE).catch(() => {})
  }, HOLD_EVERY).unref()
  try {
    const letter = await letterOf(house, mail)
    if (letter === undefined) return await mails.remove(main, mail.id)
    const message = write(letter, mail, options)
    if (transport === undefined) {
      const facts = house.outbox.sealCaught(mail.id, message)
      return await mails.sent(main, mail.id, { now: house.now(), facts })
    }
    const signal = AbortSignal.any([stop, AbortSignal.timeout(PATIENCE)])
    const delivery = await transport.send(message, signal)
    server.note(delivery)
    await settle(house, mail, delivery, { isEnding: stop.aborted })
  } catch (error) {
    if (error instanceof DatabaseUnavailable) throw error
    await failed(house, mail, error)
  } finally {
    clearInterval(holding)
  }
}

function write(letter: Letter, mail: mails.StoredMail, options: MailingOptions): Message {
  const { house, render, origin } = options
  const { to, name, code } = letter.prepared
  const { life, codeLife } = lifetimesOf(letter)
  const link = origin + pathOf(house, letter)
  const values = { ...letter.facts, name, code: code ?? '', link, life, codeLife }
  const [head = '', ...body] = render(`mail/${letter.kind}.txt`, values).trimStart().split('\n')
  const [, subject] = /^Subject: (.+)$/.exec(head.trim()) ?? []
  if (subject === undefined) throw new Error(`mail/${letter.kind}.txt does not begin with a line Subject: …`)
  return {
    messageId: `${mail.id}@${new URL(origin).hostname}`,
    date: new Date(mail.createdAt),
    to,
    subject,
    text: `${body.join('\n').trim()}\n`,
    html: render(`mail/${letter.kind}.html`, { ...values, subject }),
  }
}

async function settle(
  house: House,
  mail: mails.StoredMail,
  delivery: Delivery,
  { isEnding }: { isEnding: boolean },
): Promise<void> {
  const { main } = house.database
  const now = house.now()
  if (delivery.state === 'sent') return mails.sent(main, mail.id, { now })
  const { problem } = delivery
  const refusals = mail.refusals + (delivery.state === 'refused' ? 1 : 0)
  if (refusals >= MOST_REFUSALS || now - mail.createdAt >= GIVE_UP_AFTER) {
    return bury(house, mail, problem)
  }
  // What is cut off by our own end is tried at once by whoever comes next.
  const dueAt = isEnding ? now : now + pauseAfter(delivery.state, mail.tries)
  await mails.retry(main, mail.id, { dueAt, refusals, problem })
}

function pauseAfter(state: Delivery['state'], tries: number): number {
  const grown = 2 ** Math.min(tries - 1, 20)
  if (state === 'unreachable') return Math.min(2 * SECOND * grown, AWAY_PAUSE)
  if (state === 'refused') return REFUSED_PAUSE
  return Math.min(LATER_PAUSE * grown, LONGEST_PAUSE)
}

// What the server says holds addresses: it is in the table, for the maintainer, and not in the log.
async function bury({ database, log, now }: House, mail: mails.StoredMail, problem: string): Promise<void> {
  await mails.bury(database.main, mail.id, { now: now(), problem })
  const reply = /\b[45]\d\d\b/.exec(problem)?.[0]
  log.warn({ mail: mail.id, kind: mail.kind, reply }, 'a mail is dead: see gatehouse mails')
}

/** Not the server's doing: a template that does not work, or a key that is gone. */
async function failed(house: House, mail: mails.StoredMail, error: unknown): Promise<void> {
  const problem = error instanceof Error ? error.message : String(error)
  if (error instanceof UnreadableMail) return bury(house, mail, problem)
  house.log.error({ err: error, mail: mail.id, kind: mail.kind }, 'a mail could not be written')
  await settle(house, mail, { state: 'later', problem }, { isEnding: false })
}

interface ServerWatch {
  note(delivery: Delivery): void
}

/** Says once that the mail server is away, and once that it is back, however many mails wait. */
function createServerWatch({ log }: House): ServerWatch {
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
export function mailRenderer(html: Views, text: Views): MailingOptions['render'] {
  return (template, values) => (template.endsWith('.txt') ? text : html).render(template, values)
}
