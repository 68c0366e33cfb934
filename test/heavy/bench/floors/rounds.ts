/** A request to a floor without visitors: how long to work, and with how many parallel jobs. */
export interface Round {
  seconds: number
  atOnce: number
}

export interface Done {
  count: number
  seconds: number
}

/** Makes this process repeat `work` at each request. */
export function runRounds(work: () => Promise<void>): void {
  process.on('message', (round: Round) => {
    void done(round, work).then((result) => process.send?.(result))
  })
}

async function done({ seconds, atOnce }: Round, work: () => Promise<void>): Promise<Done> {
  const began = performance.now()
  const end = began + seconds * 1000
  let count = 0
  const goOn = async () => {
    while (performance.now() < end) {
      await work()
      count += 1
    }
  }
  await Promise.all(Array.from({ length: atOnce }, goOn))
  return { count, seconds: (performance.now() - began) / 1000 }
}
