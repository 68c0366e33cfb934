import { createHmac } from 'node:crypto'
import { DAY, HOUR, MINUTE, parseDuration } from '../base/durations.js'
import * as limits from '../tables/limits.js'
import type { Database } from '../tables/schema.js'
import type { Message } from '../web/form.js'

/** At most `max` times in `window` milliseconds, which begin with the first. */
export interface Limit {
  max: number
  window: number
}

/** How often what may be done. */
export interface LimitRules {
  /** Failed password checks for one name from one network. */
  loginName: Limit
  /** Failed password checks for one name from everywhere, and for one account by all its names. */
  loginAccount: Limit
  /** Failed password checks from one network. */
  loginNetwork: Limit
  /** Failed password checks in a row for one name, for one account by all its names, and on each known device (NIST 800-63B-4 3.2.2). */
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
  /** Wrong codes from one network. */
  codeNetwork: Limit
  /** Wrong codes for all accounts together. */
  codeSite: Limit
  /** Other names that an account takes: each former one is held for it. */
  renameAccount: Limit
  /** Looks at what is being typed into a form, to help with it, from one network; beyond them there is no help. */
  adviceNetwork: Limit
  /** Forms from one network that are told whether a name or an address is in use. */
  takenNetwork: Limit
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
  codeNetwork: { max: 20, window: HOUR },
  // A day touches 25 such windows: 25 x 35 wrong codes of 10^8 possible ones take any account at all with a chance of 8.75
  // in a million a day, from however many networks (ASVS 5 6.6.3; test/accounts/code-limits.test.ts).
  codeSite: { max: 35, window: HOUR },
  renameAccount: { max: 5, window: DAY },
  adviceNetwork: { max: 600, window: 10 * MINUTE },
  takenNetwork: { max: 300, window: HOUR },
}

/** Limits that features add, each for itself: `declare module '…/accounts/limits.js' { interface FeatureLimits { … } }`. */
// biome-ignore lint/suspicious/noEmptyInterface: features fill it.
export interface FeatureLimits {}

export type LimitName = keyof LimitRules | keyof FeatureLimits

/** Reads a limit as settings say it: `5/5m`. Undefined for anything else. */
export function parseLimit(text: string): Limit | undefined {
  const [, count = '', duration = ''] = /^([1-9]\d{0,8})\/(.+)$/.exec(text.trim()) ?? []
  const window = parseDuration(duration)
  return window === undefined ? undefined : { max: Number(count), window }
}

/** What a limit counts: which one, and whose tries. */
export interface Counted {
  rule: LimitName
  of: string
  /**
   * Reached, it is not told: two names with one counter that anybody could see would be known for names of one account.
   */
  quiet?: true
}

export interface Taken {
  /** The limits in which this was the last place. */
  filled: Counted[]
  /** A quiet limit left no place: whatever it is, it is to be answered like one that was wrong. */
  isHeld: boolean
}

/** Counts what may be done only so often; in the database, so that all processes and nodes share the figures. */
export interface Limits {
  /**
   * Takes one of the places that each limit leaves, before what takes it is done, so that of a thousand at once no more
   * than allowed are. Throws `LimitReached`, and counts nothing, if one of them leaves none that is not quiet.
   */
  take(counted: readonly Counted[]): Promise<Taken>
  /** Gives the places back, `times` of each: it was not done, or does not count. */
  giveBack(counted: readonly Counted[], times?: number): Promise<void>
  /** Counts from nothing again. */
  forget(counted: readonly Counted[]): Promise<void>
}

/** A limit leaves no place; answered with 429. */
export class LimitReached extends Error {
  override readonly name = 'LimitReached'
  readonly status = 429
  readonly rule: LimitName
  /** In seconds. */
  readonly retryAfter: number
  readonly answer: Message
  readonly #wait: number

  constructor(rule: LimitName, wait: number, messages: Messages = MESSAGES) {
    super(`The limit ${rule} is reached.`)
    this.rule = rule
    this.#wait = wait
    this.retryAfter = Math.max(1, Math.ceil(wait / 1000))
    this.answer = { ...(messages[rule] ?? TOO_MANY_ATTEMPTS), params: { when: { milliseconds: wait } } }
  }

  /** The same where a password can be chosen by mail, which lets its browser in whatever strangers have filled. */
  withReset(): LimitReached {
    return new LimitReached(this.rule, this.#wait, { ...MESSAGES, ...WITH_RESET })
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

const TOO_MANY_CODES_HERE = {
  code: 'codes_paused',
  sentence:
    'Codes are not accepted for a while, because too many wrong ones were entered. Use the link in the email, or try again {when}.',
}

type Messages = Readonly<Record<string, Message>>

const MESSAGES: Messages & Record<keyof LimitRules, Message> = {
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
  codeNetwork: TOO_MANY_CODES_HERE,
  codeSite: TOO_MANY_CODES_HERE,
  renameAccount: {
    code: 'too_many_names',
    sentence: 'You have changed your name too often. Please try again {when}.',
  },
  adviceNetwork: TOO_MANY_ATTEMPTS,
  takenNetwork: {
    code: 'too_many_taken',
    sentence: 'Too many usernames and email addresses were tried from your network. Please try again {when}.',
  },
}

const ATTEMPTS_OR_RESET = {
  code: 'too_many_attempts_reset',
  sentence: 'Too many failed attempts. Please try again {when}, or choose a new password by email.',
}

const WITH_RESET: Messages = {
  loginName: ATTEMPTS_OR_RESET,
  loginAccount: ATTEMPTS_OR_RESET,
  loginNetwork: ATTEMPTS_OR_RESET,
  loginDevice: ATTEMPTS_OR_RESET,
  loginRow: {
    code: 'login_locked_reset',
    sentence:
      'Too many failed attempts in a row. Choose a new password by email, which lets you log in at once; or use a device on which you have logged in before, or try again {when}.',
  },
}

export interface LimitsOptions {
  database: Database
  rules: Readonly<Record<string, Limit>>
  /** What is said when a limit of a feature is reached, with `{when}`. */
  messages?: Messages
  /**
   * Of the keys of the ring, newest first. They keep names and addresses out of the table: what is counted is only known by
   * its HMAC. The newest counts; what was counted by an older one still holds, or each new key would give a guesser new tries.
   */
  secrets: readonly Buffer[]
  now: () => number
}

export function createLimits({ database, rules, messages, secrets, now }: LimitsOptions): Limits {
  const places = (counted: readonly Counted[]) =>
    counted.map((one): Place => ({ ...one, limit: limitOf(one, rules), keys: keysOf(one, secrets) }))
  const refuse = (counters: PlaceCounter[], holds: (counter: PlaceCounter) => boolean) =>
    refuseLongest(counters.filter(holds), now(), { ...MESSAGES, ...messages })

  const giveBack = async (counted: readonly Counted[], times = 1) => {
    if (counted.length === 0 || times === 0) return
    await database.note((db) => limits.giveBack(db, places(counted).map(newest), times))
  }

  return {
    giveBack,
    async take(counted) {
      if (counted.length === 0) return { filled: [], isHeld: false }
      const wanted = places(counted)
      // Who is over a limit costs a look, and no write.
      const running = await limits.running(
        database.main,
        wanted.flatMap(({ keys }) => keys),
        now(),
      )
      refuse(counters(wanted, running).filter(isLoud), isFull)
      const begun = wanted.map((place) => ({ key: newest(place), resetsAt: now() + place.limit.window }))
      const counting = await database.note((db) => limits.count(db, begun, now()))
      const taken = counters(wanted, [...counting, ...olderOf(running, wanted)])
      const loud = taken.filter(isLoud)
      if (loud.some(isOver)) await giveBack(counted)
      refuse(loud, isOver)
      const isHeld = taken.some(isOver)
      return { filled: taken.filter((counter) => isFull(counter) && !isOver(counter)), isHeld }
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

function limitOf({ rule }: Counted, rules: LimitsOptions['rules']): Limit {
  const limit = rules[rule]
  if (limit === undefined)
    throw new Error(`There is no limit ${rule}: the feature has to name it in its limits.`)
  return limit
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

function isLoud({ quiet }: PlaceCounter): boolean {
  return quiet === undefined
}

function isFull({ count, limit }: PlaceCounter): boolean {
  return count >= limit.max
}

function isOver({ count, limit }: PlaceCounter): boolean {
  return count > limit.max
}

/** Throws for the limit that holds longest, if one does. */
function refuseLongest(counters: PlaceCounter[], now: number, messages: Messages): void {
  const [longest] = counters.sort((one, other) => other.resetsAt - one.resetsAt)
  if (longest !== undefined) throw new LimitReached(longest.rule, longest.resetsAt - now, messages)
}

/** For load tests alone: nothing is ever too often. */
export const UNLIMITED: Limits = {
  take: async () => ({ filled: [], isHeld: false }),
  giveBack: async () => {},
  forget: async () => {},
}
