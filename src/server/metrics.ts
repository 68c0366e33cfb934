import type { Metrics, MetricsOptions } from './prometheus.js'

const SHORTEST_TOKEN = 16

/** Makes the figures of one `accounts()`, to which it is given as `metrics`. Throws a sentence if anybody could see them. */
export async function createMetrics(options: MetricsOptions): Promise<Metrics> {
  refuseOpen(options.token, options.port)
  // Loaded only where somebody wants the figures: it is a tenth of what a start takes.
  const { prometheusMetrics } = await import('./prometheus.js')
  return prometheusMetrics(options)
}

function refuseOpen(token: string | undefined, port: number | undefined): void {
  if (token === undefined && port !== undefined) return
  if (token === undefined || token.length < SHORTEST_TOKEN) {
    throw new Error(`The token of the metrics has to have at least ${SHORTEST_TOKEN} characters.`)
  }
}

/** In the primary of node:cluster, before it forks: adds up the figures of the workers when one of them asks. */
export async function gatherMetrics(): Promise<void> {
  const { gatherFigures } = await import('./metrics-of-workers.js')
  gatherFigures()
}
