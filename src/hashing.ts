import type { Options } from '@node-rs/argon2'
import type { Piscina } from 'piscina'
import type { HashingTask } from './hashing-thread.js'

/** Threads that make hashes of passwords. They start with the first, and keep no process alive. */
export interface Hashing {
  /** Answers a PHC string. */
  hash(password: string, options: Options): Promise<string>
  verify(known: string, password: string): Promise<boolean>
  /** Ends the threads once they have done what they were given. */
  close(): Promise<void>
}

/** What a thread is given at most: while the event loop is busy, the next hash lies there already. */
export const TASKS_OF_A_THREAD = 2

// Where all cores are busy the event loop comes first: it needs a millisecond where a hash needs ten, and everybody waits
// for it. On Linux it then gets nine times of what a thread gets, and at once.
const NICER = 10

export function createHashing(threads: number): Hashing {
  let started: Promise<Piscina> | undefined
  const run = async (task: HashingTask) => {
    started ??= start(threads)
    return (await started).run(task)
  }
  return {
    hash: (password, options) => run({ password, options }),
    verify: (known, password) => run({ password, known }),
    close: async () => (await started)?.close(),
  }
}

// Not on libuv's four threads: files and names would wait there behind passwords, and all have the same priority.
async function start(threads: number): Promise<Piscina> {
  const { Piscina } = await import('piscina')
  return new Piscina({
    filename: new URL('hashing-thread.js', import.meta.url).href,
    minThreads: threads,
    maxThreads: threads,
    concurrentTasksPerWorker: TASKS_OF_A_THREAD,
    // Otherwise what came first is answered with what came next.
    atomics: 'disabled',
    niceIncrement: NICER,
    recordTiming: false,
    // The host's secrets are none of theirs.
    env: {},
  })
}
