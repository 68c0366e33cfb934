import { createHmac } from 'node:crypto'
import * as limits from '../tables/limits.js'
import type { Database } from '../tables/schema.js'
import { LimitReached, MESSAGES, type Messages } from './limit-reached.js'
import type { Limit, LimitName } from './limit-rules.js'

export interface Counted {
  rule: LimitName
  of: string
  // Not reported when reached: it would reveal that two names belong to one account.
  quiet?: true
}

export interface Taken {
  filled: Counted[]
  /** A quiet limit is reached. Respond as if the attempt were wrong. */
  isHeld: boolean
}

export interface Limits {
  // Counts before the work is done, so parallel requests cannot exceed a limit.
  take(counted: readonly Counted[]): Promise<Taken>
  giveBack(counted: readonly Counted[], times?: number): Promise<void>
  forget(counted: readonly Counted[]): Promise<void>
}

export interface LimitsOptions {
  database: Database
  rules: Readonly<Record<string, Limit>>
  messages?: Messages
  // HMAC keys, newest first, because the table must hold no names or addresses. Counters of older keys
  // still apply: a new key must not allow new attempts.
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
  keys: readonly string[]
}

interface PlaceCounter extends Place {
  count: number
  resetsAt: number
}

function limitOf({ rule }: Counted, rules: LimitsOptions['rules']): Limit {
  const limit = rules[rule]
  if (limit === undefined) throw new Error(`Unknown limit ${rule}. Add it to the limits of the feature.`)
  return limit
}

function keysOf({ rule, of }: Counted, secrets: readonly Buffer[]): string[] {
  return secrets.map((secret) => createHmac('sha256', secret).update(`${rule}\0${of}`).digest('base64url'))
}

function newest({ keys: [key = ''] }: Place): string {
  return key
}

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

function refuseLongest(counters: PlaceCounter[], now: number, messages: Messages): void {
  const [longest] = counters.sort((one, other) => other.resetsAt - one.resetsAt)
  if (longest !== undefined) throw new LimitReached(longest.rule, longest.resetsAt - now, messages)
}

export const UNLIMITED: Limits = {
  take: async () => ({ filled: [], isHeld: false }),
  giveBack: async () => {},
  forget: async () => {},
}
