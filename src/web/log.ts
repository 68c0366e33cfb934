import { randomInt } from 'node:crypto'
import type { Context, Middleware } from 'koa'
import { type Logger, pino } from 'pino'

/** What waits when nobody reads the log fast enough, in bytes; more is lost rather than held in memory. */
const MOST_WAITING = 4 * 1024 * 1024

/** What a pipe takes in one piece (PIPE_BUF): longer writes of several processes would get into one another. */
const MOST_AT_ONCE = 4096

/**
 * Structured logs on standard output, one JSON object a line. Written in the background: if it is a pipe that is full,
 * synchronous writing would put the whole process to sleep.
 */
export function createLog(level: string): Logger {
  const output = pino.destination({ sync: false, maxLength: MOST_WAITING, maxWrite: MOST_AT_ONCE })
  return pino({ level, serializers: { err: errorForLog } }, output)
}

// Libraries hang what they were working on (a request's body) on their errors: only what is named here is written.
function errorForLog(error: unknown): object {
  if (!(error instanceof Error)) return { message: String(error) }
  const { name, message, stack, cause } = error
  return {
    name,
    message,
    stack,
    ...('code' in error && { code: error.code }),
    ...(cause !== undefined && { cause: errorForLog(cause) }),
  }
}

const ids = new WeakMap<Context, string>()

/** The number of this request, in its log line and on its error page; always of 12 digits. */
export function requestId(ctx: Context): string {
  const id = ids.get(ctx) ?? String(randomInt(1e11, 1e12))
  ids.set(ctx, id)
  return id
}

const refusals = new WeakMap<Context, readonly string[]>()

/** Notes for the log by which rules this request was refused: the stable codes of what the visitor is told. */
export function noteRefusal(ctx: Context, messages: readonly { code: string }[]): void {
  refusals.set(
    ctx,
    messages.map(({ code }) => code),
  )
}

/**
 * One line a request: the pattern of the route, never the address itself, whose query, slug or path could hold what
 * someone typed. Nothing of headers, cookies or body.
 */
export function requestLog(log: Logger): Middleware {
  return async (ctx, next) => {
    if (!log.isLevelEnabled('info')) return await next()
    const start = performance.now()
    const { method } = ctx
    ctx.res.once('close', () => {
      const ms = performance.now() - start
      const refused = refusals.get(ctx)
      const line = { id: requestId(ctx), method, route: routeOf(ctx), status: statusOf(ctx), ms }
      log.info({ ...line, ...(refused && { refused }) }, 'request')
    })
    await next()
  }
}

// Null for a visitor who went away before being answered.
export function statusOf(ctx: Context): number | null {
  return ctx.res.writableFinished ? ctx.status : null
}

/** The pattern of the route that a request has come to. */
export function routeOf(ctx: Context): string | null {
  const route: unknown = Reflect.get(ctx, '_matchedRoute')
  return typeof route === 'string' ? route : null
}
