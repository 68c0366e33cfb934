/* The tables of docs/scaling.md. */
import type { Costs } from './costs.js'
import { type Flow, type Outcome, simulate, type Visit } from './simulation.js'
import type { Sizes } from './sizes.js'

const SEED = 1
/** How many hashes may wait in one process. */
const ROOM = 256
const DAY = 86_400

/** Assumptions about users, which the page states beside the results. */
export const HABITS = {
  /** Share of all users, each day. */
  active: 0.2,
  /** For each active user, each day. */
  logins: 0.3,
  pages: 20,
  /** The busiest minutes compared with the day's average. */
  peak: 4,
  /** Rows kept for each user. */
  sessions: 2,
  events: 60,
}

export function costTable({ hash, loginPage, homePage, login, commit, memory }: Costs): string {
  return table(
    ['What', 'Cost', 'So one core does'],
    [
      ['an Argon2id hash (19 MiB, 2 passes)', milliseconds(hash), perSecond(hash)],
      ['the login page', milliseconds(loginPage), perSecond(loginPage)],
      ['home, logged in', milliseconds(homePage), perSecond(homePage)],
      ['a login without its hash', milliseconds(login), perSecond(login)],
      ['a whole login', milliseconds(login + hash), perSecond(login + hash)],
      ['starting a session in SQLite, CPU time', milliseconds(commit.processor), perSecond(commit.processor)],
      [
        'the same, elapsed time with the disk',
        `${milliseconds(commit.fastest)} to ${milliseconds(commit.median)}`,
        `${perSecond(commit.median)} to ${perSecond(commit.fastest)}`,
      ],
      ['memory of the process', `${Math.round(memory / 2 ** 20)} MiB`, ''],
    ],
  )
}

export function sizeTable({ sqlite, postgres }: { sqlite: Sizes; postgres: Sizes }): string {
  const lines = Object.keys(sqlite).map((name) => [
    name,
    ...sizeCells(sqlite[name]),
    ...sizeCells(postgres[name]),
  ])
  return table(['A row of', 'SQLite', 'its indexes', 'PostgreSQL', 'its indexes'], lines)
}

function sizeCells(size: Sizes[string] | undefined): string[] {
  return [`${size?.table} B`, `${sum(Object.values(size?.indexes ?? {}))} B`]
}

/** One node with two cores under more and more logins. */
export function stormTable(costs: Costs): string {
  const most = 2 / costs.hash
  const lines = [0.5, 0.8, 0.95, 1.5, 10].map((part) => {
    const logins = part * most
    const { flows } = node(costs, { hashing: 2, logins, pages: 50, seconds: 60 })
    const { done = 0, refused = 0, p50 = 0, p99 = 0 } = flows.login ?? {}
    const refusals = `${Math.round((100 * refused) / Math.max(1, done + refused))} %`
    return [
      `${logins.toFixed(0)} (${part * 100} %)`,
      seconds(p50),
      seconds(p99),
      refusals,
      seconds(flows.page?.p99 ?? 0),
    ]
  })
  return table(['Logins a second', 'median', 'p99', 'refused with 503', 'p99 of pages'], lines)
}

/** How many cores 10,000 logins a second need, and how long they wait. */
export function loadTable(costs: Costs): string {
  const least = 10_000 * costs.hash
  const lines = [1.02, 1.05, 1.1, 1.25, 1.5].map((room) => {
    const cores = Math.ceil(least * room)
    const { flows, stations } = simulate({
      stations: { hash: { servers: cores } },
      flows: [{ name: 'login', perSecond: 10_000, visits: [hashing(costs)] }],
      seconds: 20,
      seed: SEED,
    })
    return [
      `${cores}`,
      `${Math.round((stations.hash?.busy ?? 0) * 100)} %`,
      seconds(stations.hash?.waited ?? 0),
      seconds(flows.login?.p99 ?? 0),
    ]
  })
  return table(['Cores that hash', 'busy', 'average wait', 'p99 with the hash'], lines)
}

/** What a site with that many users needs at its peak. */
export function needTable(costs: Costs, sizes: Sizes): string {
  const lines = [1e6, 1e7, 1e8].map((users) => {
    const perDay = (users * HABITS.active * HABITS.peak) / DAY
    const logins = perDay * HABITS.logins
    const pages = perDay * HABITS.pages
    const writes = logins * 4 + pages / HABITS.pages
    const bytes =
      users * (rowOf(sizes, 'users') + rowOf(sizes, 'slugs')) +
      users * HABITS.sessions * rowOf(sizes, 'sessions') +
      users * HABITS.events * rowOf(sizes, 'events')
    const indexes = users * HABITS.sessions * sum(Object.values(sizes.sessions?.indexes ?? {}))
    return [
      users.toLocaleString('en'),
      logins.toFixed(0),
      pages.toFixed(0),
      Math.ceil(logins * costs.hash * 1.5).toString(),
      Math.ceil((pages * costs.homePage + logins * (costs.login + costs.loginPage)) * 1.5).toString(),
      writes.toFixed(0),
      gigabytes(bytes),
      gigabytes(indexes),
    ]
  })
  return table(
    [
      'Users',
      'logins/s',
      'pages/s',
      'cores that hash',
      'cores for pages',
      'writes/s',
      'data',
      'indexes of sessions',
    ],
    lines,
  )
}

/** A node: one event loop, its hashing threads and one writer. */
function node(
  costs: Costs,
  {
    hashing: servers,
    logins,
    pages,
    seconds,
  }: { hashing: number; logins: number; pages: number; seconds: number },
): Outcome {
  const loop = (time: number): Visit => ({ station: 'loop', seconds: time, spread: 'exponential' })
  const commit: Visit = { station: 'writer', seconds: costs.commit.median, spread: 'exponential' }
  const flows: Flow[] = [
    { name: 'login', perSecond: logins, visits: [hashing(costs), commit, loop(Math.max(costs.login, 1e-6))] },
    { name: 'page', perSecond: pages, visits: [loop(costs.homePage)] },
  ]
  const stations = { hash: { servers, room: ROOM }, writer: { servers: 1 }, loop: { servers: 1 } }
  return simulate({ stations, flows, seconds, seed: SEED })
}

function hashing({ hash }: Costs): Visit {
  return { station: 'hash', seconds: hash, spread: 'none' }
}

function rowOf(sizes: Sizes, name: string): number {
  const size = sizes[name]
  return (size?.table ?? 0) + sum(Object.values(size?.indexes ?? {}))
}

function sum(values: readonly number[]): number {
  return values.reduce((all, value) => all + value, 0)
}

function seconds(time: number): string {
  return time < 1 ? milliseconds(time) : `${time.toFixed(1)} s`
}

function milliseconds(time: number): string {
  return `${(time * 1000).toFixed(time < 0.01 ? 2 : 0)} ms`
}

function perSecond(time: number): string {
  return `${Math.round(1 / time).toLocaleString('en')} a second`
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(bytes < 1e10 ? 1 : 0)} GB`
}

function table(head: readonly string[], lines: readonly (readonly string[])[]): string {
  const rule = head.map((_, column) => (column === 0 ? '---' : '---:'))
  return `${[head, rule, ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n')}\n`
}
