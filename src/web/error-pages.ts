import type { Context, Middleware } from 'koa'
import type { Logger } from 'pino'
import { VisitorLeft } from './disconnect.js'
import type { Message } from './form.js'
import { requestId } from './log.js'
import type { SitePages } from './page.js'
import type { Problem } from './pages.js'
import { announce, errorResponseOf } from './refusal.js'

export const UNEXPECTED: Message = {
  code: 'unexpected',
  sentence:
    'Something went wrong on our side. Try again. If it keeps happening, tell us the reference {reference}.',
}

export interface ErrorOptions {
  pages: Pick<SitePages, 'problem' | 'viewsOf'>
  log: Logger
  development: boolean
}

// Koa's own error response would drop all headers, and the session's cookie with them.
export function errorPages(options: ErrorOptions): Middleware {
  return async (ctx, next) => {
    try {
      await next()
    } catch (error) {
      respondToError(ctx, error, options)
    }
  }
}

export const notFound: Middleware = async (ctx, next) => {
  await next()
  if (ctx.status === 404 && ctx.body == null) ctx.throw(404)
}

function respondToError(ctx: Context, error: unknown, options: ErrorOptions): void {
  if (error instanceof VisitorLeft) return
  const { pages, log } = options
  const response = errorResponseOf(error)
  if (response !== undefined) announce(ctx, response, error, log)
  const problem: Problem = response ?? unexpected(ctx, error, options)
  // Rendering for a closed connection would slow others down while connections are cut to make room.
  if (ctx.res.destroyed) return
  try {
    pages.problem(ctx, problem)
  } catch (second) {
    log.error({ id: requestId(ctx), err: second }, 'error page failed')
    const why = options.development && second instanceof Error ? second.message : undefined
    respondPlainly(ctx, pages.viewsOf(ctx).translate(problem.error), {
      ...problem,
      detail: problem.detail ?? why,
    })
  }
}

function unexpected(ctx: Context, error: unknown, { log, development }: ErrorOptions): Problem {
  const reference = requestId(ctx)
  log.error({ id: reference, err: error }, 'request failed')
  const detail = development && error instanceof Error ? error.message : undefined
  return { status: 500, error: { ...UNEXPECTED, params: { reference } }, detail }
}

// Plain text: the broken template may be the layout of every page.
function respondPlainly(ctx: Context, sentence: string, { status, detail }: Problem): void {
  ctx.status = status
  ctx.type = 'text'
  ctx.body = `${sentence}\n${detail ?? ''}\n`
}
