import { createHmac } from 'node:crypto'
import * as limits from '../tables/limits.js'
import type { Database } from '../tables/schema.js'
import { LimitReached, MESSAGES, type Messages } from './limit-reached.js'
import type { Limit, LimitName } from './limit-rules.js'

export interface Counted {
  rule: LimitName
  of: string
  // Not reported, because that would reveal that two names belong to one account.
  quiet?: true
}

export interface Taken {
  reached: Counted[]
  /** A quiet limit is exceeded: respond as to a wrong attempt. */
  isBlocked: boolean
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
  // Newest first. Counters of older keys still apply, because a new key must not allow new attempts.
  secrets: readonly Buffer[]
  now: () => number
}

export function createLimits({ database, rules, messages, secrets, now }: LimitsOptions): Limits {
  const limitsFor = (counted: readonly Counted[]) =>
    counted.map((one): CountedLimit => ({ ...one, limit: limitOf(one, rules), keys: keysOf(one, secrets) }))
  const refuse = (counters: LimitCounter[], holds: (counter: LimitCounter) => boolean) =>
    refuseLongest(counters.filter(holds), now(), { ...MESSAGES, ...messages })

  const giveBack = async (counted: readonly Counted[], times = 1) => {
    if (counted.length === 0 || times === 0) return
    await database.writeLoose((db) => limits.giveBack(db, limitsFor(counted).map(newest), times))
  }

  return {
    giveBack,
    async take(counted) {
      if (counted.length === 0) return { reached: [], isBlocked: false }
      const wanted = limitsFor(counted)
      const running = await limits.running(
        database.main,
        wanted.flatMap(({ keys }) => keys),
        now(),
      )
      refuse(counters(wanted, running).filter(isReported), isFull)
      const begun = wanted.map((one) => ({ key: newest(one), resetsAt: now() + one.limit.window }))
      const counting = await database.writeLoose((db) => limits.count(db, begun, now()))
      const taken = counters(wanted, [...counting, ...olderOf(running, wanted)])
      const reported = taken.filter(isReported)
      if (reported.some(isOver)) await giveBack(counted)
      refuse(reported, isOver)
      const isBlocked = taken.some(isOver)
      return { reached: taken.filter((counter) => isFull(counter) && !isOver(counter)), isBlocked }
    },
    async forget(counted) {
      const keys = limitsFor(counted).flatMap((one) => one.keys)
      await database.writeLoose((db) => limits.clear(db, keys))
    },
  }
}

interface CountedLimit extends Counted {
  limit: Limit
  keys: readonly string[]
}

interface LimitCounter extends CountedLimit {
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

function newest({ keys: [key = ''] }: CountedLimit): string {
  return key
}

function olderOf(running: readonly limits.Counter[], wanted: readonly CountedLimit[]): limits.Counter[] {
  const newer = new Set(wanted.map(newest))
  return running.filter(({ key }) => !newer.has(key))
}

function counters(wanted: readonly CountedLimit[], counted: readonly limits.Counter[]): LimitCounter[] {
  return wanted.flatMap((one) => {
    const own = counted.filter(({ key }) => one.keys.includes(key))
    if (own.length === 0) return []
    const count = own.reduce((sum, { count }) => sum + count, 0)
    return [{ ...one, count, resetsAt: Math.max(...own.map(({ resetsAt }) => resetsAt)) }]
  })
}

function isReported({ quiet }: LimitCounter): boolean {
  return quiet === undefined
}

function isFull({ count, limit }: LimitCounter): boolean {
  return count >= limit.max
}

function isOver({ count, limit }: LimitCounter): boolean {
  return count > limit.max
}

function refuseLongest(counters: LimitCounter[], now: number, messages: Messages): void {
  const [longest] = counters.sort((one, other) => other.resetsAt - one.resetsAt)
  if (longest !== undefined) throw new LimitReached(longest.rule, longest.resetsAt - now, messages)
}

export const UNLIMITED: Limits = {
  take: async () => ({ reached: [], isBlocked: false }),
  giveBack: async () => {},
  forget: async () => {},
}
