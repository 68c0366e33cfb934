/** What a floor without visitors is asked: to work for so long, with so much at once. */
export interface Round {
  seconds: number
  atOnce: number
}

export interface Done {
  count: number
  seconds: number
}

/** Lets this process do `work` again and again, each time it is asked to. */
export function answerRounds(work: () => Promise<void>): void {
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
