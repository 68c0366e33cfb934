/* The visitors: a process that sends requests as fast as it gets responses, and checks every response. */
import { getPriority, setPriority } from 'node:os'
import { performance } from 'node:perf_hooks'
import { setTimeout as pause } from 'node:timers/promises'
import { Connection, type PageResponse } from './connection.js'
import { masked } from './forms.js'

/** The request to repeat. */
export interface Load {
  address: string
  path: string
  method: 'GET' | 'POST'
  headers: Record<string, string>
  /** `{n}` is the number of the request, `{user}` one of `users`. */
  body?: string
  users?: number
  /** A page with the form, which each request opens first, without a cookie. `{csrf}` is its token. */
  opens?: string
  /** The first number. */
  from?: number
  /** The only right response, masked. */
  response: { status: number; body: string }
  connections: number
  seconds: number
  /** Whether visitors stay awake while they wait. To wake them would be work of the server. */
  isAwake?: boolean
  /** Requests in a second, evenly spaced; by default as many as get a response. */
  rate?: number
}

/** The result. Durations are in milliseconds. */
export interface Outcome {
  count: number
  /** Responses in time. */
  perSecond: number
  p50: number
  p99: number
  /** How many cores the visitors used. */
  share: number
  /** What was wrong with a response, or ''. */
  wrong: string
}

// Lower priority makes the server work in fewer, larger turns, as with visitors on another machine.
const [, , niceness = '0'] = process.argv
if (niceness !== '0') setPriority(getPriority() + Number(niceness))

process.on('message', (load: Load) => {
  run(load).then(
    (outcome) => process.send?.(outcome),
    (error: unknown) => {
      console.error(error)
      process.exit(1)
    },
  )
})

async function run(load: Load): Promise<Outcome> {
  let wrong = ''
  // The last response. Comparing with it is faster than masking, and most are equal.
  let right: Buffer | undefined
  const durations: number[] = []
  const ask = asking(load, (sent, { status, body }) => {
    durations.push(performance.now() - sent)
    const isRight = right?.equals(body) || masked(`${body}`) === load.response.body
    if (isRight && status === load.response.status) right = body
    else wrong ||= `${status}\n${body}\ninstead of\n${load.response.body}`
  })
  const began = performance.now()
  const before = process.cpuUsage()
  const asked = (load.rate === undefined ? fire(load, ask) : pace(load, ask)).catch((error: Error) => {
    wrong ||= error.message
  })
  // Late responses do not count, but are awaited, so that they do not disturb the next measurement.
  await pause(load.seconds * 1000)
  const { user, system } = process.cpuUsage(before)
  const seconds = (performance.now() - began) / 1000
  const inTime = durations.length
  await asked
  durations.sort((one, other) => one - other)
  return {
    count: durations.length,
    perSecond: inTime / seconds,
    p50: percentile(durations, 0.5),
    p99: percentile(durations, 0.99),
    share: (user + system) / 1e6 / seconds,
    wrong,
  }
}

/** Sends the next request on this connection. */
type Ask = (connection: Connection) => Promise<void>

function asking(load: Load, look: (sent: number, response: PageResponse) => void): Ask {
  const next = requestsOf(load)
  return async (connection) => {
    const sent = performance.now()
    const opened =
      load.opens === undefined ? NOTHING_OPENED : await open(connection, load.address, load.opens)
    look(sent, await connection.ask(next(opened)))
  }
}

/** What a page with a form gives its visitor. */
interface Opened {
  cookie: string
  csrf: string
}

const NOTHING_OPENED: Opened = { cookie: '', csrf: '' }

async function open(connection: Connection, address: string, path: string): Promise<Opened> {
  const { host } = new URL(address)
  const { head, body } = await connection.ask(`GET ${path} HTTP/1.1\r\nhost: ${host}\r\n\r\n`)
  const cookies = [...head.matchAll(/\nset-cookie: ([^;\r]+)/gi)].map(([, cookie = '']) => cookie)
  const [, csrf = ''] = /name="_csrf" value="([^"]+)"/.exec(`${body}`) ?? []
  return { cookie: `cookie: ${cookies.join('; ')}\r\n`, csrf }
}

/** As fast as responses arrive. */
async function fire({ address, connections, seconds, isAwake }: Load, ask: Ask): Promise<void> {
  const end = performance.now() + seconds * 1000
  const stayAwake = () => {
    if (performance.now() < end) setImmediate(stayAwake)
  }
  if (isAwake) stayAwake()
  const visit = async () => {
    const connection = new Connection(address)
    while (performance.now() < end) await ask(connection)
    connection.close()
  }
  await Promise.all(Array.from({ length: connections }, visit))
}

/** Evenly spaced, without waiting for responses, like real visitors. */
async function pace({ address, seconds, rate = 1 }: Load, ask: Ask): Promise<void> {
  const began = performance.now()
  const free: Connection[] = []
  const visit = async () => {
    const connection = openIn(free) ?? new Connection(address)
    await ask(connection)
    free.push(connection)
  }
  const visits: Promise<void>[] = []
  for (let number = 0; number < rate * seconds; number++) {
    await pause(Math.max(0, began + (number * 1000) / rate - performance.now()))
    visits.push(visit())
  }
  await Promise.all(visits)
  for (const connection of free) connection.close()
}

/** A server closes what has been idle for some seconds, such as after it was too busy. */
function openIn(free: Connection[]): Connection | undefined {
  const connection = free.pop()
  return connection === undefined || connection.isOpen ? connection : openIn(free)
}

/** Users take turns in no obvious order. A prime step reaches each of them. */
const STRIDE = 7919

/** Each request as bytes. */
function requestsOf(load: Load): (opened: Opened) => string {
  const { address, path, method, headers, body, users = 1, from = 0 } = load
  const all = { host: new URL(address).host, ...headers }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  const head = `${method} ${path} HTTP/1.1\r\n${lines.join('')}`
  if (body === undefined) return () => `${head}\r\n`
  let number = from
  return ({ cookie, csrf }) => {
    number += 1
    const user = (number * STRIDE) % users
    const filled = body.replaceAll('{n}', `${number}`).replaceAll('{user}', `${user}`).replace('{csrf}', csrf)
    return `${head}${cookie}content-length: ${Buffer.byteLength(filled)}\r\n\r\n${filled}`
  }
}

function percentile(sorted: readonly number[], part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN
}
