import { createHmac } from 'node:crypto'
import * as limits from '../tables/limits.js'
import type { Database } from '../tables/schema.js'
import { LimitReached, MESSAGES, type Messages } from './limit-reached.js'
import type { Limit, LimitName } from './limit-rules.js'

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
