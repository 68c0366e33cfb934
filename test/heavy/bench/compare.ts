/** What came of some seconds of work. */
export interface Round {
  perSecond: number
  /** Milliseconds. */
  p50?: number
  p99?: number
  /** Processor time of the server for each, in microseconds: on a busy machine it tells more than the clock does. */
  cpu?: number
  /** How much of a processor the visitors took. */
  share?: number
}

/** Works for so many seconds. Throws if an answer was wrong. */
export type Contender = (seconds: number) => Promise<Round>

export interface Pace {
  rounds: number
  seconds: number
  /** Seconds for which forms are sent before it counts: their code is compiled after a few thousand, and hashes keep these rare. */
  warmUp: number
}

type Rounds = Pick<Pace, 'rounds' | 'seconds'>

export interface Comparison {
  /** The median of what the target reached of the floor in each pair of rounds. */
  ratio: number
  target: Round
  floor: Round
}

/** Lets both work by turns, so that what else the machine does meets both. */
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

/** What both do by turns. */
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

/** The middle one; of an even number the mean of both. NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other)
  const middle = (sorted.length - 1) / 2
  const [low = Number.NaN, high = Number.NaN] = [sorted[Math.floor(middle)], sorted[Math.ceil(middle)]]
  return (low + high) / 2
}
