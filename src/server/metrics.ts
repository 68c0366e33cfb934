import type { Metrics, MetricsOptions } from './prometheus.js'

const SHORTEST_TOKEN = 16

/** Returns metrics for one `accounts({ metrics })`. Throws if they would be public. */
export async function createMetrics(options: MetricsOptions): Promise<Metrics> {
  refuseOpen(options.token, options.port)
  // Loaded on demand, because it takes a tenth of a start.
  const { prometheusMetrics } = await import('./prometheus.js')
  return prometheusMetrics(options)
}

function refuseOpen(token: string | undefined, port: number | undefined): void {
  if (token === undefined && port !== undefined) return
  if (token === undefined || token.length < SHORTEST_TOKEN) {
    throw new Error(`The metrics token must be at least ${SHORTEST_TOKEN} characters.`)
  }
}

/** Adds up the metrics of all workers. Call it in the primary of node:cluster, before it forks. */
export async function gatherMetrics(): Promise<void> {
  const { gatherFigures } = await import('./metrics-of-workers.js')
  gatherFigures()
}
