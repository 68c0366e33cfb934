import type { Context, Middleware } from 'koa'
import { Counter, collectDefaultMetrics, Histogram, Registry } from 'prom-client'
import { LOGIN_OUTCOMES, type LoginOutcome } from '../accounts/registry.js'
import { routeOf, statusOf } from '../web/log.js'
import { type Watched, watchGatehouse } from './gauges.js'
import { textOfAll } from './metrics-of-workers.js'
import { listenForMetrics, metricsPage } from './metrics-page.js'

/** Metrics for Prometheus in a registry of their own. Names and labels: docs/metrics.md. */
export interface Metrics {
  /** Counts and times requests by route. Use it before everything else. */
  requests: Middleware
  /** Serves `/metrics`, or 401 without the token. Does nothing if `port` is set. */
  page: Middleware
  /** Opens `port`, if set. Throws if that fails. */
  listen(): Promise<void>
  /** Returns Prometheus text; with node:cluster, of all workers. */
  text(): Promise<string>
  /** Called by `accounts`, as are `watch` and `close`. */
  login(outcome: LoginOutcome): void
  watch(gatehouse: Watched): void
  close(): void
}

export interface MetricsOptions {
  /** Sent as `Authorization: Bearer <token>`, at least 16 characters. Required unless `port` is set. */
  token?: string
  /** A separate port. Default: the site's own. */
  port?: number
  /** Default: 127.0.0.1. */
  host?: string
}

// Seconds, from a page in memory to a password in the hashing queue.
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

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

function countedIn(registry: Registry) {
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  const requests = new Counter({
    name: 'gatehouse_http_requests_total',
    help: 'Requests by method, route pattern (other: no route) and status (gone: client left before the response).',
    labelNames: ['method', 'route', 'status'],
    registers,
  })
  const durations = new Histogram({
    name: 'gatehouse_http_request_duration_seconds',
    help: 'Time from request to end of response, by route pattern.',
    labelNames: ['route'],
    buckets: BUCKETS,
    registers,
  })
  const logins = new Counter({
    name: 'gatehouse_logins_total',
    help: 'Password logins by outcome.',
    labelNames: ['outcome'],
    registers,
  })
  // Rates need a zero first, or they miss the first count.
  for (const outcome of LOGIN_OUTCOMES) logins.inc({ outcome }, 0)
  return { requests, durations, logins }
}

const METHODS = ['GET', 'HEAD', 'POST']

function methodOf({ method }: Context): string {
  return METHODS.includes(method) ? method : 'other'
}
