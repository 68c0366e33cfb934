import type { Context } from 'koa'
import type { Logger } from 'pino'
import { TooManyAtOnce } from '../secrets/password.js'
import type { Message } from './form.js'
import { requestId } from './log.js'

interface ErrorResponse {
  status: number
  error: Message
  /** Seconds. */
  retryAfter: number | undefined
}

export const PAGE_UNKNOWN: Message = {
  code: 'page_unknown',
  sentence: 'There is no page at this address.',
}
export const METHOD_WRONG: Message = {
  code: 'method_wrong',
  sentence: 'This page cannot be opened this way.',
}

const SENTENCES: Record<number, Message> = {
  400: { code: 'form_broken', sentence: 'The form did not arrive complete. Try again.' },
  404: PAGE_UNKNOWN,
  405: METHOD_WRONG,
  413: { code: 'form_too_large', sentence: 'The form is too large. Shorten what you typed and try again.' },
  415: { code: 'form_wrong_type', sentence: 'This page only accepts forms in UTF-8.' },
  503: {
    code: 'busy',
    sentence: 'This is not available right now. Try again in a few seconds.',
  },
}

const TOO_MANY_AT_ONCE: Message = {
  code: 'too_many_at_once',
  sentence: 'The site is very busy. Try again in a few seconds.',
}
const REFUSED: Message = { code: 'refused', sentence: 'This is not possible here.' }

export function errorResponseOf(error: unknown): ErrorResponse | undefined {
  if (!(error instanceof Error) || !('status' in error) || typeof error.status !== 'number') return undefined
  const usual = SENTENCES[error.status] ?? (isRefusal(error.status) ? REFUSED : undefined)
  if (usual === undefined) return undefined
  return {
    status: error.status,
    error: messageOf(error) ?? usual,
    retryAfter: 'retryAfter' in error && typeof error.retryAfter === 'number' ? error.retryAfter : undefined,
  }
}

function messageOf(error: Error): Message | undefined {
  if (error instanceof TooManyAtOnce) return TOO_MANY_AT_ONCE
  return 'visitorMessage' in error && isMessage(error.visitorMessage) ? error.visitorMessage : undefined
}

export function announce(
  ctx: Context,
  { status, retryAfter }: ErrorResponse,
  error: unknown,
  log: Logger,
): void {
  if (retryAfter !== undefined) ctx.set('Retry-After', String(retryAfter))
  if (status >= 500) log.warn({ id: requestId(ctx), err: error }, 'service unavailable')
}

function isRefusal(status: number): boolean {
  return Number.isInteger(status) && status >= 400 && status < 500
}

export function refuseRequest(ctx: Context, status: number, visitorMessage: Message): never {
  return ctx.throw(status, visitorMessage.sentence, { visitorMessage })
}

function isMessage(value: unknown): value is Message {
  return typeof value === 'object' && value !== null && 'code' in value && 'sentence' in value
}
