import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Options } from '@node-rs/argon2'
import type { Piscina } from 'piscina'
import type { HashingTask } from './hashing-thread.js'

/** Threads that make hashes of passwords. They start with the first one, and keep no process alive. */
export interface Hashing {
  /** Answers a PHC string. */
  hash(password: string, options: Options): Promise<string>
  verify(known: string, password: string): Promise<boolean>
}

/**
 * What a thread is given at most. What lies there when it is done with the former ones it does without a pause, and answers
 * all of it together: who comes alone does not wait, and in a storm the event loop does the same up to eight times in a row,
 * with its code in the caches, from which every hash drives it out. So a login takes a third less of it, and nobody
 * waits for longer than seven hashes more.
 */
export const TASKS_OF_A_THREAD = 8

// By how many threads they have: all sites of a process share them, as they do its cores.
const pools = new Map<number, Promise<Piscina>>()

/** So many passwords are hashed at once; it costs nothing before the first. */
export function createHashing(threads: number): Hashing {
  const run = async (task: HashingTask) => (await poolOf(threads)).run(task)
  return {
    hash: (password, options) => run({ password, options }),
    verify: (known, password) => run({ password, known }),
  }
}

function poolOf(threads: number): Promise<Piscina> {
  const known = pools.get(threads)
  if (known !== undefined) return known
  const pool = start(threads)
  pools.set(threads, pool)
  // The next password tries again: a machine may have no thread to give for a moment.
  pool.catch(() => pools.delete(threads))
  return pool
}

// Not libuv's threads: files and names would wait there behind passwords, and their priority is that of the event loop.
async function start(threads: number): Promise<Piscina> {
  const [{ Piscina }, niceIncrement] = await Promise.all([import('piscina'), nicer()])
  const pool = new Piscina({
    filename: new URL('hashing-thread.js', import.meta.url).href,
    minThreads: threads,
    maxThreads: threads,
    concurrentTasksPerWorker: TASKS_OF_A_THREAD,
    niceIncrement,
    recordTiming: false,
    // The host's secrets are none of theirs.
    env: {},
  })
  // A thread that has ended is replaced, and whoever waited for it has been told.
  return pool.on('error', () => {})
}

const NICER = 10

/**
 * By how much the priority of threads is lowered: where all cores are busy the event loop, which needs one millisecond where
 * they need ten, then gets a core at once. On Linux alone, elsewhere it would be that of the process. Asked of a program
 * first, for where system calls are filtered (systemd's `SystemCallFilter=~@resources`) whoever tries is killed.
 */
async function nicer(): Promise<number> {
  if (process.platform !== 'linux') return 0
  try {
    const options = { env: { PATH: process.env.PATH }, timeout: 1_000 }
    await promisify(execFile)('nice', ['-n', `${NICER}`, 'true'], options)
    return NICER
  } catch {
    return 0
  }
}
