import { createHmac } from 'node:crypto'
import { DAY, HOUR, MINUTE, parseDuration } from './durations.js'
import type { Database } from './tables/database.js'
import * as limits from './tables/limits.js'
import type { Message } from './web/form.js'

/** At most `max` times in `window` milliseconds, which begin with the first. */
export interface Limit {
  max: number
  window: number
}

/** How often what may be done. */
export interface LimitRules {
  /** Failed password checks for one name from one network. */
  loginName: Limit
  /** Failed password checks for one name from everywhere. */
  loginAccount: Limit
  /** Failed password checks from one network. */
  loginNetwork: Limit
  /** Failed password checks in a row for one name, and the same on each known device (NIST 800-63B-4 3.2.2). */
  loginRow: Limit
  /** Failed password checks on a device that has logged in to the account before; it is not held by what others do. */
  loginDevice: Limit
  /** New accounts from one network. */
  signupNetwork: Limit
  /** Mails of one kind to one address, or to who has one name. */
  mailAddress: Limit
  /** Mails of one kind about one account. */
  mailAccount: Limit
  /** Notices of failed password checks to one account. */
  mailFailures: Limit
  /** Mails that are asked for from one network. */
  mailNetwork: Limit
  /** The same mail to the same account again. */
  mailPause: Limit
  /** Tries at the mailed codes of one account for one purpose, over all its codes. */
  codeAccount: Limit
  /** Other names that an account takes: each former one is held for it. */
  renameAccount: Limit
  /** Looks at what is being typed into a form, to help with it, from one network; beyond them there is no help. */
  adviceNetwork: Limit
}

export const LIMITS: LimitRules = {
  loginName: { max: 5, window: 5 * MINUTE },
  loginAccount: { max: 50, window: HOUR },
  loginNetwork: { max: 100, window: HOUR },
  loginRow: { max: 100, window: 30 * DAY },
  loginDevice: { max: 20, window: 15 * MINUTE },
  signupNetwork: { max: 20, window: HOUR },
  mailAddress: { max: 5, window: HOUR },
  mailAccount: { max: 5, window: HOUR },
  mailFailures: { max: 1, window: DAY },
  mailNetwork: { max: 100, window: HOUR },
  mailPause: { max: 1, window: MINUTE },
  codeAccount: { max: 10, window: DAY },
  renameAccount: { max: 5, window: DAY },
  adviceNetwork: { max: 600, window: 10 * MINUTE },
}

/** Reads a limit as settings say it: `5/5m`. Undefined for anything else. */
export function parseLimit(text: string): Limit | undefined {
  const [, count = '', duration = ''] = /^([1-9]\d{0,8})\/(.+)$/.exec(text.trim()) ?? []
  const window = parseDuration(duration)
  return window === undefined ? undefined : { max: Number(count), window }
}

/** What a limit counts: which one, and whose tries. */
export interface Counted {
  rule: keyof LimitRules
  of: string
}

/** Counts what may be done only so often; in the database, so that all processes and nodes share the figures. */
export interface Limits {
  /**
   * Takes one of the places that each limit leaves, before what takes it is done, so that of a thousand at once no more
   * than allowed are. Throws `LimitReached`, and counts nothing, if one of them leaves none. Answers those it has filled.
   */
  take(counted: readonly Counted[]): Promise<Counted[]>
  /** Gives the places back: it was not done, or does not count. */
  giveBack(counted: readonly Counted[]): Promise<void>
  /** Counts from nothing again. */
  forget(counted: readonly Counted[]): Promise<void>
}

/** A limit leaves no place; answered with 429. */
export class LimitReached extends Error {
  override readonly name = 'LimitReached'
  readonly status = 429
  /** In seconds. */
  readonly retryAfter: number
  readonly answer: Message

  constructor(rule: keyof LimitRules, wait: number) {
    super(`The limit ${rule} is reached.`)
    this.retryAfter = Math.max(1, Math.ceil(wait / 1000))
    this.answer = { ...SENTENCES[rule], params: { when: { milliseconds: wait } } }
  }
}

const TOO_MANY_ATTEMPTS = {
  code: 'too_many_attempts',
  sentence: 'Too many failed attempts. Please try again {when}.',
}

const TOO_MANY_MAILS = {
  code: 'too_many_mails',
  sentence: 'Too many mails were asked for. Please try again {when}.',
}

const SENTENCES: Record<keyof LimitRules, Message> = {
  loginName: TOO_MANY_ATTEMPTS,
  loginAccount: TOO_MANY_ATTEMPTS,
  loginNetwork: TOO_MANY_ATTEMPTS,
  loginDevice: TOO_MANY_ATTEMPTS,
  loginRow: {
    code: 'login_locked',
    sentence:
      'Too many failed attempts in a row. Use a device on which you have logged in before, or try again {when}.',
  },
  signupNetwork: {
    code: 'too_many_signups',
    sentence: 'Too many accounts were made from your network. Please try again {when}.',
  },
  mailAddress: TOO_MANY_MAILS,
  mailAccount: TOO_MANY_MAILS,
  mailFailures: TOO_MANY_MAILS,
  mailNetwork: {
    code: 'too_many_mails_network',
    sentence: 'Too many mails were asked for from your network. Please try again {when}.',
  },
  mailPause: {
    code: 'mail_just_sent',
    sentence: 'A mail was sent just now. If it does not come, ask for another one {when}.',
  },
  codeAccount: {
    code: 'too_many_codes',
    sentence: 'Too many wrong codes. Use the link in the mail, or try again {when}.',
  },
  renameAccount: {
    code: 'too_many_names',
    sentence: 'You have changed your name too often. Please try again {when}.',
  },
  adviceNetwork: TOO_MANY_ATTEMPTS,
}

export interface LimitsOptions {
  database: Database
  rules: LimitRules
  /**
   * Of the keys of the ring, newest first. They keep names and addresses out of the table: what is counted is only known by
   * its HMAC. The newest counts; what was counted by an older one still holds, or each new key would give a guesser new tries.
   */
  secrets: readonly Buffer[]
  now: () => number
}

export function createLimits({ database, rules, secrets, now }: LimitsOptions): Limits {
  const places = (counted: readonly Counted[]) =>
    counted.map((one): Place => ({ ...one, limit: rules[one.rule], keys: keysOf(one, secrets) }))

  const giveBack = async (counted: readonly Counted[]) => {
    if (counted.length === 0) return
    await database.note((db) => limits.giveBack(db, places(counted).map(newest)))
  }

  return {
    giveBack,
    async take(counted) {
      if (counted.length === 0) return []
      const wanted = places(counted)
      // Who is over a limit costs a look, and no write.
      const running = await limits.running(
        database.main,
        wanted.flatMap(({ keys }) => keys),
        now(),
      )
      refuse(counters(wanted, running), isFull, now())
      const begun = wanted.map((place) => ({ key: newest(place), resetsAt: now() + place.limit.window }))
      const counting = await database.note((db) => limits.count(db, begun, now()))
      const taken = counters(wanted, [...counting, ...olderOf(running, wanted)])
      if (taken.some(isOver)) await giveBack(counted)
      refuse(taken, isOver, now())
      return taken.filter(isFull)
    },
    async forget(counted) {
      await database.note((db) =>
        limits.clear(
          db,
          places(counted).flatMap(({ keys }) => keys),
        ),
      )
    },
  }
}

interface Place extends Counted {
  limit: Limit
  /** By each key of the ring, newest first. */
  keys: readonly string[]
}

interface PlaceCounter extends Place {
  count: number
  resetsAt: number
}

function keysOf({ rule, of }: Counted, secrets: readonly Buffer[]): string[] {
  return secrets.map((secret) => createHmac('sha256', secret).update(`${rule}\0${of}`).digest('base64url'))
}

function newest({ keys: [key = ''] }: Place): string {
  return key
}

/** What was counted by older keys alone. */
function olderOf(running: readonly limits.Counter[], places: readonly Place[]): limits.Counter[] {
  const newer = new Set(places.map(newest))
  return running.filter(({ key }) => !newer.has(key))
}

function counters(places: readonly Place[], counted: readonly limits.Counter[]): PlaceCounter[] {
  return places.flatMap((place) => {
    const own = counted.filter(({ key }) => place.keys.includes(key))
    if (own.length === 0) return []
    const count = own.reduce((sum, one) => sum + one.count, 0)
    return [{ ...place, count, resetsAt: Math.max(...own.map(({ resetsAt }) => resetsAt)) }]
  })
}

function isFull({ count, limit }: PlaceCounter): boolean {
  return count >= limit.max
}

function isOver({ count, limit }: PlaceCounter): boolean {
  return count > limit.max
}

/** Throws for the limit that holds longest, if one does. */
function refuse(counters: PlaceCounter[], holds: (counter: PlaceCounter) => boolean, now: number): void {
  const [longest] = counters.filter(holds).sort((one, other) => other.resetsAt - one.resetsAt)
  if (longest !== undefined) throw new LimitReached(longest.rule, longest.resetsAt - now)
}

/** For load tests alone: nothing is ever too often. */
export const UNLIMITED: Limits = {
  take: async () => [],
  giveBack: async () => {},
  forget: async () => {},
}
