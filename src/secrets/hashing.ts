import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Options } from '@node-rs/argon2'
import type { Piscina } from 'piscina'
import type { HashingTask } from './hashing-thread.js'

export interface Hashing {
  hash(password: string, options: Options): Promise<string>
  verify(known: string, password: string): Promise<boolean>
  verifyForeign(foreign: string, typed: string): Promise<boolean>
}

// Results that arrive together reuse the CPU caches: a third less time for each login under load.
export const TASKS_PER_THREAD = 8

const pools = new Map<number, Promise<Piscina>>()

export function createHashing(threads: number): Hashing {
  const run = async (task: HashingTask) => (await poolOf(threads)).run(task)
  return {
    hash: (password, options) => run({ password, options }),
    verify: (known, password) => run({ password, known }),
    verifyForeign: (foreign, password) => run({ password, foreign }),
  }
}

function poolOf(threads: number): Promise<Piscina> {
  const known = pools.get(threads)
  if (known !== undefined) return known
  const pool = start(threads)
  pools.set(threads, pool)
  // A lack of threads may be temporary.
  pool.catch(() => pools.delete(threads))
  return pool
}

// Not libuv's threads, where file and DNS calls would wait behind passwords.
async function start(threads: number): Promise<Piscina> {
  const [{ Piscina }, niceIncrement] = await Promise.all([import('piscina'), usableNiceIncrement()])
  const pool = new Piscina({
    filename: new URL('hashing-thread.js', import.meta.url).href,
    minThreads: threads,
    maxThreads: threads,
    concurrentTasksPerWorker: TASKS_PER_THREAD,
    niceIncrement,
    recordTiming: false,
    env: {},
  })
  // Piscina replaces the thread and rejects its tasks. Unhandled, this event would end the process.
  return pool.on('error', () => {})
}

const NICE_INCREMENT = 10

// Only Linux has a priority for each thread. Tried in another process, because a system call filter may
// kill the caller (systemd's `SystemCallFilter=~@resources`).
async function usableNiceIncrement(): Promise<number> {
  if (process.platform !== 'linux') return 0
  try {
    const options = { env: { PATH: process.env.PATH }, timeout: 1_000 }
    await promisify(execFile)('nice', ['-n', `${NICE_INCREMENT}`, 'true'], options)
    return NICE_INCREMENT
  } catch {
    return 0
  }
}
