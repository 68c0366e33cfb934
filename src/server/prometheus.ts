import type { Context, Middleware } from 'koa'
import { Counter, collectDefaultMetrics, Histogram, Registry } from 'prom-client'
import { LOGIN_OUTCOMES, type LoginOutcome } from '../accounts/registry.js'
import { routeOf, statusOf } from '../web/log.js'
import { type Watched, watchGatehouse } from './gauges.js'
import { textOfAll } from './metrics-of-workers.js'
import { listenForMetrics, metricsPage } from './metrics-page.js'

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
  watch(gatehouse: Watched): void
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

// From a page out of memory to a password that waits for its turn, in seconds.
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/** The figures, by prom-client. */
export function prometheusMetrics({ token, port, host = '127.0.0.1' }: MetricsOptions): Metrics {
  const registry = new Registry()
  const { requests, durations, logins } = countedIn(registry)

  const text = textOfAll(registry)
  const page = metricsPage(text, { contentType: registry.contentType, token })
  let close = () => {}
  return {
    async requests(ctx, next) {
      const start = performance.now()
      ctx.res.once('close', () => {
        const route = routeOf(ctx) ?? 'other'
        requests.inc({ method: methodOf(ctx), route, status: statusOf(ctx) ?? 'gone' })
        durations.observe({ route }, (performance.now() - start) / 1000)
      })
      await next()
    },
    page: port === undefined ? page : (_, next) => next(),
    async listen() {
      if (port !== undefined) close = await listenForMetrics(page, { port, host })
    },
    text,
    login: (outcome) => logins.inc({ outcome }),
    watch: (gatehouse) => watchGatehouse(gatehouse, registry),
    close: () => close(),
  }
}

/** What is counted as it happens. */
function countedIn(registry: Registry) {
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  const requests = new Counter({
    name: 'gatehouse_http_requests_total',
    help: 'Requests by method, pattern of the route (other: none of ours) and status (gone: nobody was left to answer).',
    labelNames: ['method', 'route', 'status'],
    registers,
  })
  const durations = new Histogram({
    name: 'gatehouse_http_request_duration_seconds',
    help: 'Time from a request to the end of its answer, by pattern of the route.',
    labelNames: ['route'],
    buckets: BUCKETS,
    registers,
  })
  const logins = new Counter({
    name: 'gatehouse_logins_total',
    help: 'Logins by password, by what became of them.',
    labelNames: ['outcome'],
    registers,
  })
  // A rate is reckoned from a zero: one that appears with its first count would miss that.
  for (const outcome of LOGIN_OUTCOMES) logins.inc({ outcome }, 0)
  return { requests, durations, logins }
}

const METHODS = ['GET', 'HEAD', 'POST']

function methodOf({ method }: Context): string {
  return METHODS.includes(method) ? method : 'other'
}
