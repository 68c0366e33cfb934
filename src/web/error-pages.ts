import type { Context, Middleware } from 'koa'
import type { Logger } from 'pino'
import { VisitorLeft } from './disconnect.js'
import type { Message } from './form.js'
import { requestId } from './log.js'
import type { Pages, Problem } from './pages.js'

/** What an error asks for: those of ctx.throw do, and those of ours that mean "not now". */
interface Answer {
  status: number
  error: Message
  /** Seconds after which it makes sense to try again. */
  retryAfter: number | undefined
}

const SENTENCES: Record<number, Message> = {
  400: { code: 'form_broken', sentence: 'The form did not arrive as it was sent. Please try again.' },
  404: { code: 'page_unknown', sentence: 'There is no page at this address.' },
  405: { code: 'method_wrong', sentence: 'This address cannot be used in this way.' },
  413: { code: 'form_too_large', sentence: 'The form is too large to be read.' },
  415: { code: 'form_wrong_type', sentence: 'Only a form in UTF-8 can be sent here.' },
  503: {
    code: 'busy',
    sentence: 'The site cannot do this at the moment. Please try again in a few seconds.',
  },
}

const REFUSED: Message = { code: 'refused', sentence: 'This cannot be done here.' }

const UNEXPECTED: Message = {
  code: 'unexpected',
  sentence:
    'Something went wrong on our side. Please try again; if it stays like this, tell us the number {reference}.',
}

export interface ErrorOptions {
  pages: Pages
  log: Logger
  /** Show what went wrong on the page, for instance the template and its line. */
  development: boolean
}

/**
 * Answers every error with a page or a message box, so that none reaches Koa's own error answer, which would drop all
 * headers and the session's cookie with them.
 */
export function errorPages(options: ErrorOptions): Middleware {
  return async (ctx, next) => {
    try {
      await next()
    } catch (error) {
      answerError(ctx, error, options)
    }
  }
}

/** Answers paths that nobody answered; for a site that has no 404 page of its own. */
export const notFound: Middleware = async (ctx, next) => {
  await next()
  if (ctx.status === 404 && ctx.body == null) ctx.throw(404)
}

function answerError(ctx: Context, error: unknown, options: ErrorOptions): void {
  if (error instanceof VisitorLeft) return
  const { pages, log } = options
  const answer = answerOf(error)
  if (answer !== undefined) announce(ctx, answer, error, log)
  const problem: Problem = answer ?? unforeseen(ctx, error, options)
  // A page for nobody would take time from others just when connections are cut off to make room.
  if (ctx.res.destroyed) return
  try {
    pages.problem(ctx, problem)
  } catch (second) {
    log.error({ id: requestId(ctx), err: second }, 'error page failed')
    const why = options.development && second instanceof Error ? second.message : undefined
    answerBarely(ctx, { ...problem, detail: problem.detail ?? why })
  }
}

function unforeseen(ctx: Context, error: unknown, { log, development }: ErrorOptions): Problem {
  const reference = requestId(ctx)
  log.error({ id: reference, err: error }, 'request failed')
  const detail = development && error instanceof Error ? error.message : undefined
  return { status: 500, error: { ...UNEXPECTED, params: { reference } }, detail }
}

// The template that is broken may be the one that every page stands in.
function answerBarely(ctx: Context, { status, error, detail }: Problem): void {
  ctx.status = status
  ctx.type = 'text'
  ctx.body = `${error.sentence.replace('{reference}', requestId(ctx))}\n${detail ?? ''}\n`
}

/** What the error asks for, or undefined if nobody foresaw it. */
export function answerOf(error: unknown): Answer | undefined {
  if (!(error instanceof Error) || !('status' in error) || typeof error.status !== 'number') return undefined
  const usual = SENTENCES[error.status] ?? (isRefusal(error.status) ? REFUSED : undefined)
  if (usual === undefined) return undefined
  return {
    status: error.status,
    error: 'answer' in error && isMessage(error.answer) ? error.answer : usual,
    retryAfter: 'retryAfter' in error && typeof error.retryAfter === 'number' ? error.retryAfter : undefined,
  }
}

/** Says when to try again, and tells the log what keeps the site from answering now. */
export function announce(ctx: Context, { status, retryAfter }: Answer, error: unknown, log: Logger): void {
  if (retryAfter !== undefined) ctx.set('Retry-After', String(retryAfter))
  if (status >= 500) log.warn({ id: requestId(ctx), err: error }, 'not available')
}

function isRefusal(status: number): boolean {
  return Number.isInteger(status) && status >= 400 && status < 500
}

/** Throws what `errorPages` answers with this status and sentence. */
export function refuseRequest(ctx: Context, status: number, answer: Message): never {
  return ctx.throw(status, answer.sentence, { answer })
}

function isMessage(value: unknown): value is Message {
  return typeof value === 'object' && value !== null && 'code' in value && 'sentence' in value
}
