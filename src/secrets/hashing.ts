import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Options } from '@node-rs/argon2'
import type { Piscina } from 'piscina'
import type { HashingTask } from './hashing-thread.js'

export interface Hashing {
  hash(password: string, options: Options): Promise<string>
  verify(known: string, password: string): Promise<boolean>
  /** Of another system, with the password as it was typed. */
  verifyForeign(foreign: string, typed: string): Promise<boolean>
}

// Handling results in a row keeps the event loop in the caches: a third less time for each login under load.
export const TASKS_OF_A_THREAD = 8

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
  // The next password tries again, because a lack of threads may be temporary.
  pool.catch(() => pools.delete(threads))
  return pool
}

// Not libuv's threads: file and DNS calls would wait behind passwords, at the same priority.
async function start(threads: number): Promise<Piscina> {
  const [{ Piscina }, niceIncrement] = await Promise.all([import('piscina'), nicer()])
  const pool = new Piscina({
    filename: new URL('hashing-thread.js', import.meta.url).href,
    minThreads: threads,
    maxThreads: threads,
    concurrentTasksPerWorker: TASKS_OF_A_THREAD,
    niceIncrement,
    recordTiming: false,
    env: {},
  })
  // Piscina replaces the thread and rejects its tasks. Unhandled, this event would end the process.
  return pool.on('error', () => {})
}

const NICER = 10

// Lower priority keeps the event loop responsive. Only Linux has it per thread. Another program tries first,
// because a system call filter may kill the caller (systemd's `SystemCallFilter=~@resources`).
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
