import type { Metrics, MetricsOptions } from './prometheus.js'

const MIN_TOKEN_LENGTH = 16

/** Returns metrics for one `accounts({ metrics })`. Throws if they would be public. */
export async function createMetrics(options: MetricsOptions): Promise<Metrics> {
  refuseOpen(options.token, options.port)
  // Loaded on demand, because it takes a tenth of a start.
  const { prometheusMetrics } = await import('./prometheus.js')
  return prometheusMetrics(options)
}

function refuseOpen(token: string | undefined, port: number | undefined): void {
  if (token === undefined && port !== undefined) return
  if (token === undefined || token.length < MIN_TOKEN_LENGTH) {
    throw new Error(`The metrics token must be at least ${MIN_TOKEN_LENGTH} characters.`)
  }
}

/** Adds up the metrics of all workers. Call it in the primary of node:cluster, before it forks. */
export async function gatherMetrics(): Promise<void> {
  const { gatherWorkerMetrics } = await import('./metrics-of-workers.js')
  gatherWorkerMetrics()
}
