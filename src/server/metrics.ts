import type { Middleware } from 'koa'
import type { LoginOutcome, Registry } from '../accounts/registry.js'

/** Figures of a site for Prometheus, in a registry of their own. Names and labels: docs/metrics.md. */
export interface Metrics {
  /** Counts and times every request, by the pattern of its route; for before everything else. */
  requests: Middleware
  /** Answers `/metrics` to whoever has the token, and 401 to others; nothing if the figures are on a port of their own. */
  page: Middleware
  /** Opens that port, if there is to be one. Throws a sentence if it cannot be had. */
  listen(): Promise<void>
  /** All figures, in Prometheus' text format; of all processes, if there are several on this machine (node:cluster). */
  text(): Promise<string>
  /** Counts a login; `accounts` does. */
  login(outcome: LoginOutcome): void
  /** Asks this Gatehouse from now on; `accounts` does. Once, for there is one figure for each name. */
  watch(gatehouse: Pick<Registry, 'database' | 'passwords' | 'outbox' | 'now'>): void
  /** Closes the port; `accounts` does, when it is closed. */
  close(): void
}

/** Who may see the figures. */
export interface MetricsOptions {
  /** Has to come with every request, as `Authorization: Bearer <token>`; at least 16 characters. */
  token?: string
  /** By default they are on the site's own port, and a token is asked for; on one of their own it need not. */
  port?: number
  /** Where that port listens; 127.0.0.1 by default. */
  host?: string
}

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
