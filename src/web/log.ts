import { randomInt } from 'node:crypto'
import type { Context, Middleware } from 'koa'
import { type Logger, pino } from 'pino'

// Bytes. Above it log lines are dropped, so that a slow reader does not fill the memory.
const MAX_WAITING = 4 * 1024 * 1024

// Bytes. Longer writes of several processes to one pipe interleave (PIPE_BUF).
const MAX_AT_ONCE = 4096

/** Returns a log of JSON lines on standard output. Asynchronous, because a full pipe would block the process. */
export function createLog(level: string): Logger {
  const output = pino.destination({ sync: false, maxLength: MAX_WAITING, maxWrite: MAX_AT_ONCE })
  return pino({ level, serializers: { err: errorForLog } }, output)
}

// Libraries attach data such as request bodies to errors. Only these fields are logged.
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

export function requestId(ctx: Context): string {
  const id = ids.get(ctx) ?? String(randomInt(1e11, 1e12))
  ids.set(ctx, id)
  return id
}

const refusals = new WeakMap<Context, readonly string[]>()

export function noteRefusal(ctx: Context, messages: readonly { code: string }[]): void {
  refusals.set(
    ctx,
    messages.map(({ code }) => code),
  )
}

/** Logs a line for each request, without URL, headers, cookies and body: they may contain typed text. */
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

// Null if the visitor left before the response.
export function statusOf(ctx: Context): number | null {
  return ctx.res.writableFinished ? ctx.status : null
}

export function routeOf(ctx: Context): string | null {
  const route: unknown = Reflect.get(ctx, '_matchedRoute')
  return typeof route === 'string' ? route : null
}
