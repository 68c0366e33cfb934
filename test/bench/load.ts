/* The visitors: a process of its own that asks as fast as it is answered, and looks at every answer. */
import { performance } from 'node:perf_hooks'
import { setTimeout as pause } from 'node:timers/promises'
import autocannon from 'autocannon'
import { masked } from './forms.js'

/** What is asked, again and again. */
export interface Load {
  address: string
  path: string
  method: 'GET' | 'POST'
  headers: Record<string, string>
  /** `{n}` stands for the number of the request, `{user}` for one of `users`. */
  body?: string
  users?: number
  /** Where the numbers begin. */
  from?: number
  /** The one right answer, masked. */
  answer: { status: number; body: string }
  connections: number
  seconds: number
  /** Requests in a second, one after the other at even times; as many as are answered if it is not given. */
  rate?: number
}

/** What came of it; durations are in milliseconds. */
export interface Answered {
  count: number
  seconds: number
  p50: number
  p99: number
  /** How much of a processor the visitors took, 1 for all of one. */
  share: number
  /** What was wrong with an answer; '' if all were right. */
  wrong: string
}

process.on('message', (load: Load) => {
  run(load).then(
    (answered) => process.send?.(answered),
    (error: unknown) => {
      console.error(error)
      process.exit(1)
    },
  )
})

async function run(load: Load): Promise<Answered> {
  const durations: number[] = []
  let wrong = ''
  const isWrong = (status: number, body: string) =>
    status !== load.answer.status || masked(body) !== load.answer.body
  const look = (status: number, body: string) => {
    if (isWrong(status, body)) wrong ||= `${status}\n${body}\ninstead of\n${load.answer.body}`
  }
  const request: autocannon.Request = { ...requestOf(load), onResponse: look }
  const began = performance.now()
  const before = process.cpuUsage()
  const note = (duration: number) => durations.push(duration)
  const errors = load.rate === undefined ? await fire(load, request, note) : await pace(load, look, note)
  const { user, system } = process.cpuUsage(before)
  const seconds = (performance.now() - began) / 1000
  if (errors > 0) wrong ||= `${errors} connections failed`
  durations.sort((one, other) => one - other)
  return {
    count: durations.length,
    seconds,
    p50: percentile(durations, 0.5),
    p99: percentile(durations, 0.99),
    share: (user + system) / 1e6 / seconds,
    wrong,
  }
}

/** As fast as it is answered; answers how many connections failed. */
function fire(
  { address, connections, seconds }: Load,
  request: autocannon.Request,
  onDuration: (milliseconds: number) => void,
): Promise<number> {
  const options = { url: address, connections, duration: seconds, sampleInt: 50, timeout: 60 }
  return new Promise((resolve, reject) => {
    autocannon({ ...options, requests: [request] }, (error, result) =>
      error ? reject(error) : resolve(result.errors),
    ).on('response', (_client, _status, _bytes, duration) => onDuration(duration))
  })
}

/**
 * At even times, whether the former was answered or not, as people come: autocannon would ask all of a second's at its
 * begin. Answers how many got no answer.
 */
async function pace(
  { address, path, headers, seconds, rate = 1 }: Load,
  look: (status: number, body: string) => void,
  onDuration: (milliseconds: number) => void,
): Promise<number> {
  const began = performance.now()
  const asked: Promise<boolean>[] = []
  const ask = async (): Promise<boolean> => {
    const sent = performance.now()
    const response = await fetch(address + path, { headers: { ...headers, 'accept-encoding': 'identity' } })
    look(response.status, await response.text())
    onDuration(performance.now() - sent)
    return true
  }
  for (let number = 0; number < rate * seconds; number++) {
    await pause(Math.max(0, began + (number * 1000) / rate - performance.now()))
    asked.push(ask().catch(() => false))
  }
  return (await Promise.all(asked)).filter((isAnswered) => !isAnswered).length
}

/** Users are asked for in no order, as they come; a prime, so that it is the turn of each. */
const STRIDE = 7919

function requestOf({ path, method, headers, body, users = 1, from = 0 }: Load): autocannon.Request {
  const request = { path, method, headers }
  if (body === undefined) return request
  if (!body.includes('{n}')) return { ...request, body }
  let number = from
  return {
    ...request,
    setupRequest(asked) {
      number += 1
      const user = (number * STRIDE) % users
      const filled = body.replaceAll('{n}', `${number}`).replaceAll('{user}', `${user}`)
      return { ...asked, body: filled }
    },
  }
}

function percentile(sorted: readonly number[], part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN
}
