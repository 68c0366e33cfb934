/** The result of some seconds of work. */
export interface Round {
  perSecond: number
  /** Milliseconds. */
  p50?: number
  p99?: number
  /** CPU time of the server for each, in microseconds, which is more reliable than the clock on a busy machine. */
  cpu?: number
  /** How much of a core the visitors used. */
  share?: number
}

/** Works for that many seconds. Throws if a response was wrong. */
export type Contender = (seconds: number) => Promise<Round>

export interface Pace {
  rounds: number
  seconds: number
  /** Seconds of warm-up with forms: their code is compiled after a few thousand, which takes long because of the hashes. */
  warmUp: number
}

type Rounds = Pick<Pace, 'rounds' | 'seconds'>

export interface Comparison {
  /** The median ratio of target and floor over all pairs of rounds. */
  ratio: number
  target: Round
  floor: Round
}

/** Lets both work in turn, so that other work on the machine affects both. */
export async function compare(target: Contender, floor: Contender, pace: Rounds): Promise<Comparison> {
  const pairs = await alternate(target, floor, pace)
  return {
    ratio: median(pairs.map((one) => one.target.perSecond / one.floor.perSecond)),
    target: medians(pairs.map((one) => one.target)),
    floor: medians(pairs.map((one) => one.floor)),
  }
}

interface Pair {
  target: Round
  floor: Round
}

/** What both do in turn. */
export async function alternate(
  target: Contender,
  floor: Contender,
  { rounds, seconds }: Rounds,
): Promise<Pair[]> {
  const pairs: Pair[] = []
  for (let round = 0; round < rounds; round++)
    pairs.push(await pair(target, floor, { seconds, turn: round % 2 }))
  return pairs
}

async function pair(
  target: Contender,
  floor: Contender,
  { seconds, turn }: { seconds: number; turn: number },
): Promise<Pair> {
  if (turn === 0) return { target: await target(seconds), floor: await floor(seconds) }
  const first = await floor(seconds)
  return { target: await target(seconds), floor: first }
}

export function medians(rounds: readonly Round[]): Round {
  const of = (read: (round: Round) => number | undefined) =>
    median(rounds.map(read).filter((value) => value !== undefined))
  return {
    perSecond: of(({ perSecond }) => perSecond),
    p50: of(({ p50 }) => p50),
    p99: of(({ p99 }) => p99),
    cpu: of(({ cpu }) => cpu),
    share: of(({ share }) => share),
  }
}

/** Returns the median, or NaN of an empty list. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other)
  const middle = (sorted.length - 1) / 2
  const [low = Number.NaN, high = Number.NaN] = [sorted[Math.floor(middle)], sorted[Math.ceil(middle)]]
  return (low + high) / 2
}
