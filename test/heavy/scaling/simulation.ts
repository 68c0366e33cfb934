/*
 * Simulates queues in front of servers, event by event: random arrivals (Poisson), waits for the event loop, for a hashing
 * core and for the writer, and refusals when the queue of hashes is full.
 */
import { Random } from '../../support/random.js'

/** A place of work. As many jobs run as there are servers, up to `room` wait, and the rest is refused. */
export interface Station {
  servers: number
  room?: number
}

/** Seconds at a station. */
export interface Visit {
  station: string
  seconds: number
  /** Always the same time, or exponentially distributed. */
  spread: 'none' | 'exponential'
}

/** Arrivals in a second, and the stations they pass through in order. */
export interface Flow {
  name: string
  perSecond: number
  visits: readonly Visit[]
}

export interface Model {
  stations: Readonly<Record<string, Station>>
  flows: readonly Flow[]
  /** Of simulated time. */
  seconds: number
  seed: number
}

export interface FlowFigures {
  done: number
  refused: number
  /** Seconds from arrival to end, without refusals. */
  mean: number
  p50: number
  p99: number
}

export interface StationFigures {
  /** The share of its servers' time in use. */
  busy: number
  /** Average seconds of waiting for a server. */
  waited: number
}

export interface Outcome {
  flows: Record<string, FlowFigures>
  stations: Record<string, StationFigures>
}

interface Job {
  flow: Flow
  place: number
  came: number
  queued: number
}

interface Place extends Station {
  working: number
  waiting: Job[]
  /** Index of the first that waits. Earlier ones are gone. */
  head: number
  worked: number
  waited: number
  visits: number
}

export function simulate({ stations, flows, seconds, seed }: Model): Outcome {
  const random = new Random(seed)
  const events = new Agenda()
  const places = new Map(Object.entries(stations).map(([name, station]) => [name, emptyPlace(station)]))
  const lasted = new Map<string, number[]>(flows.map(({ name }) => [name, []]))
  const refused = new Map<string, number>()

  const arrive = (flow: Flow, now: number) => {
    if (now > seconds) return
    events.add(now + exponential(random, 1 / flow.perSecond), (time) => arrive(flow, time))
    enter({ flow, place: 0, came: now, queued: now }, now)
  }

  const enter = (job: Job, now: number) => {
    const visit = job.flow.visits[job.place]
    if (visit === undefined) return void lasted.get(job.flow.name)?.push(now - job.came)
    const place = placeOf(visit.station)
    job.queued = now
    if (place.working < place.servers) return serve(job, visit, place, now)
    if (place.waiting.length - place.head >= (place.room ?? Number.POSITIVE_INFINITY)) {
      return void refused.set(job.flow.name, (refused.get(job.flow.name) ?? 0) + 1)
    }
    place.waiting.push(job)
  }

  const serve = (job: Job, visit: Visit, place: Place, now: number) => {
    const time = visit.spread === 'none' ? visit.seconds : exponential(random, visit.seconds)
    place.working++
    place.visits++
    place.waited += now - job.queued
    place.worked += time
    events.add(now + time, (end) => {
      place.working--
      callNext(place, end)
      job.place++
      enter(job, end)
    })
  }

  const callNext = (place: Place, now: number) => {
    const next = place.waiting[place.head]
    const visit = next?.flow.visits[next.place]
    if (next === undefined || visit === undefined) return
    place.head++
    if (place.head > 10_000) place.waiting = place.waiting.slice(place.head)
    if (place.head > 10_000) place.head = 0
    serve(next, visit, place, now)
  }

  const placeOf = (name: string): Place => {
    const place = places.get(name)
    if (place === undefined) throw new Error(`There is no station ${name}.`)
    return place
  }

  for (const flow of flows) events.add(exponential(random, 1 / flow.perSecond), (time) => arrive(flow, time))
  const end = events.run()
  return {
    flows: Object.fromEntries(
      flows.map(({ name }) => [name, flowFigures(lasted.get(name) ?? [], refused.get(name) ?? 0)]),
    ),
    stations: Object.fromEntries(
      [...places].map(([name, { worked, servers, waited, visits }]) => [
        name,
        { busy: worked / servers / end, waited: visits === 0 ? 0 : waited / visits },
      ]),
    ),
  }
}

function emptyPlace(station: Station): Place {
  return { ...station, working: 0, waiting: [], head: 0, worked: 0, waited: 0, visits: 0 }
}

function exponential(random: Random, mean: number): number {
  return -Math.log(1 - random.next()) * mean
}

function flowFigures(times: number[], refused: number): FlowFigures {
  const sorted = Float64Array.from(times).sort()
  const at = (part: number) => sorted[Math.floor(part * (sorted.length - 1))] ?? 0
  const mean = times.reduce((sum, time) => sum + time, 0) / Math.max(1, times.length)
  return { done: times.length, refused, mean, p50: at(0.5), p99: at(0.99) }
}

type Work = (now: number) => void

/** Future events, earliest first, in a binary heap. */
class Agenda {
  readonly #heap: { at: number; work: Work }[] = []

  add(at: number, work: Work): void {
    const heap = this.#heap
    let index = heap.length
    heap.push({ at, work })
    for (;;) {
      const parent = heap[(index - 1) >> 1]
      if (index === 0 || parent === undefined || parent.at <= at) break
      heap[index] = parent
      index = (index - 1) >> 1
    }
    heap[index] = { at, work }
  }

  /** Runs all events, and returns the time of the last one. */
  run(): number {
    let now = 0
    for (let next = this.#take(); next !== undefined; next = this.#take()) {
      now = next.at
      next.work(now)
    }
    return now
  }

  #take(): { at: number; work: Work } | undefined {
    const heap = this.#heap
    const [first] = heap
    const last = heap.pop()
    if (first === undefined || last === undefined || heap.length === 0) return first
    let index = 0
    for (;;) {
      const left = 2 * index + 1
      const [one, other] = [heap[left], heap[left + 1]]
      const isRight = one !== undefined && other !== undefined && other.at < one.at
      const child = isRight ? other : one
      if (child === undefined || child.at >= last.at) break
      heap[index] = child
      index = isRight ? left + 1 : left
    }
    heap[index] = last
    return first
  }
}

/** Returns the average wait in seconds for c servers and random arrivals (Erlang's C formula, M/M/c). */
export function erlangWait(perSecond: number, seconds: number, servers: number): number {
  const load = perSecond * seconds
  // Erlang's B by recursion, which never overflows.
  let blocked = 1
  for (let count = 1; count <= servers; count++) blocked = (load * blocked) / (count + load * blocked)
  const waits = blocked / (1 - (load / servers) * (1 - blocked))
  return (waits * seconds) / (servers - load)
}
