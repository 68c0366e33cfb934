import cluster, { type Worker } from 'node:cluster'
import { setTimeout as pause } from 'node:timers/promises'
import type { Logger } from 'pino'
import { errorText } from '../base/error-text.js'
import { createLog } from '../web/log.js'
import type { Config } from './config.js'

// Milliseconds before a restart: none after the first crash, longer after repeated ones.
const RESTART_DELAYS = [0, 250, 500, 1_000, 2_000, 4_000, 10_000]
const STABLE_AFTER = 60_000
const STOP_TIMEOUT = 9_000

type Report = { address: string } | { problem: string }

/** Calls `listen` in `workers` processes. Returns the address once all listen, or undefined in a worker. Throws if one cannot start. */
export async function inProcesses(
  { workers, logLevel }: Pick<Config, 'workers' | 'logLevel'>,
  listen: () => Promise<string>,
): Promise<string | undefined> {
  if (workers === 1) return listen()
  return cluster.isPrimary ? runPrimary(workers, createLog(logLevel)) : runWorker(listen)
}

// The first worker creates keys and migrates alone, so that a problem is reported once.
async function runPrimary(count: number, log: Logger): Promise<string> {
  // Workers accept connections themselves: one that the primary handed to a dying worker would hang.
  cluster.schedulingPolicy = cluster.SCHED_NONE
  const ending = new AbortController()
  const start = async () => {
    const worker = cluster.fork()
    const address = await listening(worker)
    restartOnExit(worker, { log, ending: ending.signal, crashes: 0 })
    return address
  }
  try {
    const address = await start()
    await Promise.all(Array.from({ length: count - 1 }, start))
    forwardSignals(ending, log)
    return address
  } catch (error) {
    ending.abort()
    signalAll('SIGTERM')
    throw error
  }
}

function listening(worker: Worker): Promise<string> {
  return new Promise((resolve, reject) => {
    worker.on('message', (message: unknown) => {
      if (!isReport(message)) return
      if ('address' in message) resolve(message.address)
      else reject(new Error(message.problem))
    })
    worker.once('exit', (code, signal) =>
      reject(
        new Error(`A worker (WEB_CONCURRENCY) exited with ${signal ?? `code ${code}`} before it was ready.`),
      ),
    )
  })
}

// Other code sends messages, too, such as the loader of `npm run dev`.
function isReport(message: unknown): message is Report {
  if (typeof message !== 'object' || message === null) return false
  return Object.entries(message).some(
    ([name, value]) => ['address', 'problem'].includes(name) && typeof value === 'string',
  )
}

function forwardSignals(ending: AbortController, log: Logger): void {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      signalAll(signal)
      if (!ending.signal.aborted) setTimeout(() => killAll(log), STOP_TIMEOUT).unref()
      ending.abort()
    })
  }
}

function killAll(log: Logger): void {
  log.error('worker did not stop: killing it')
  process.exitCode = 1
  signalAll('SIGKILL')
}

function signalAll(signal: NodeJS.Signals): void {
  for (const worker of Object.values(cluster.workers ?? {})) worker?.process.kill(signal)
}

interface Restarts {
  log: Logger
  ending: AbortSignal
  crashes: number
}

function restartOnExit(worker: Worker, { log, ending, crashes }: Restarts): void {
  const since = performance.now()
  worker.once('exit', async (code, signal) => {
    if (ending.aborted) return
    const crashed = performance.now() - since < STABLE_AFTER ? crashes : 0
    const wait = RESTART_DELAYS[crashed] ?? Math.max(...RESTART_DELAYS)
    log.error({ worker: worker.process.pid, code, signal, wait }, 'worker exited: starting another')
    await pause(wait, undefined, { signal: ending }).catch(() => {})
    if (ending.aborted) return
    const next = cluster.fork()
    listening(next).catch((error: unknown) => log.error({ err: error }, 'could not start worker'))
    restartOnExit(next, { log, ending, crashes: crashed + 1 })
  })
}

async function runWorker(listen: () => Promise<string>): Promise<undefined> {
  endWithPrimary()
  try {
    report({ address: await listen() })
  } catch (error) {
    report({ problem: errorText(error) })
    process.exitCode = 1
  }
  process.channel?.unref()
}

function report(message: Report): void {
  process.send?.(message)
}

// Node would kill a worker without its primary in the middle of its responses.
function endWithPrimary(): void {
  const { worker } = cluster
  worker?.once('disconnect', () => {
    worker.exitedAfterDisconnect = true
    process.kill(process.pid, 'SIGINT')
  })
}
