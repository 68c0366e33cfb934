import { setTimeout as pause } from 'node:timers/promises'
import { Counter, Gauge, type Registry } from 'prom-client'
import type * as accounts from '../accounts/registry.js'
import { SECOND } from '../base/durations.js'
import * as mails from '../tables/mails.js'
import * as sessions from '../tables/sessions.js'

// Slow results are kept longer, so that queries for metrics take at most this share of the time.
const FRESH = 5 * SECOND
const PART_OF_TIME = 1 / 200
const QUERY_TIMEOUT = 2 * SECOND

export type Watched = Pick<accounts.Registry, 'database' | 'passwords' | 'outbox' | 'now'>

export function watchGatehouse({ database, passwords, outbox, now }: Watched, registry: Registry): void {
  const registers = [registry]
  watchHashing(passwords, registers)

  // All processes query the same database, so their values must not be added up.
  const known = { registers, aggregator: 'max' as const }
  const isUp = cached(async () => (await database.ready()) || undefined)
  const alive = cached(() => sessions.countOpen(database.main, now()))
  const waiting = cached(() => mails.backlog(database.main, now()))
  new Gauge({
    name: 'gatehouse_database_up',
    help: '1 if the database responds and is up to date, else 0.',
    registers,
    aggregator: 'min',
    collect: async function () {
      this.set((await isUp()) === true ? 1 : 0)
    },
  })
  gauge('gatehouse_sessions', 'Active sessions.', alive, known)
  if (!outbox.isOn) return
  gauge('gatehouse_outbox_mails', 'Emails waiting to be sent.', async () => (await waiting())?.count, known)
  gauge(
    'gatehouse_outbox_oldest_seconds',
    'Age of the oldest waiting email, or 0.',
    async () => ageOf(await waiting(), now()),
    known,
  )
}

function ageOf(backlog: mails.Backlog | undefined, now: number): number | undefined {
  if (backlog === undefined) return undefined
  return backlog.oldest === null ? 0 : Math.max(0, now - backlog.oldest) / 1000
}

function watchHashing(passwords: Watched['passwords'], registers: Registry[]): void {
  new Gauge({
    name: 'gatehouse_hashing',
    help: 'Passwords being hashed, and waiting to be.',
    labelNames: ['state'],
    registers,
    collect() {
      const { running, waiting } = passwords.load()
      this.set({ state: 'running' }, running)
      this.set({ state: 'waiting' }, waiting)
    },
  })
  new Counter({
    name: 'gatehouse_hashing_refused_total',
    help: 'Requests refused because the hashing queue was full.',
    registers,
    collect() {
      this.reset()
      this.inc(passwords.load().refused)
    },
  })
}

// Omitted while unknown, because no value is better than an old one or 0.
function gauge(
  name: string,
  help: string,
  load: () => Promise<number | undefined>,
  options: { registers: Registry[]; aggregator: 'max' },
): void {
  new Gauge({
    name,
    help,
    ...options,
    collect: async function () {
      const value = await load()
      if (value === undefined) this.remove()
      else this.set(value)
    },
  })
}

function cached<Value>(load: () => Promise<Value | undefined>): () => Promise<Value | undefined> {
  let value: Promise<Value | undefined> | undefined
  const query = async () => {
    const begun = performance.now()
    const found = await load().catch(() => undefined)
    const cost = found === undefined ? 0 : performance.now() - begun
    setTimeout(
      () => {
        value = undefined
      },
      Math.max(FRESH, cost / PART_OF_TIME),
    ).unref()
    return found
  }
  return () => {
    value ??= query()
    return Promise.race([value, pause(QUERY_TIMEOUT, undefined, { ref: false })])
  }
}
