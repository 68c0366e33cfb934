import type { Context } from 'koa'

const signals = new WeakMap<Context, AbortSignal>()

/** Fires when the visitor goes away before being answered: what is still to be done for this request need not be. */
export function leaving(ctx: Context): AbortSignal {
  const known = signals.get(ctx)
  if (known !== undefined) return known
  const controller = new AbortController()
  ctx.res.once('close', () => controller.abort(new VisitorLeft()))
  signals.set(ctx, controller.signal)
  return controller.signal
}

/** Nobody is there any more to be answered. */
export class VisitorLeft extends Error {
  override readonly name = 'VisitorLeft'
}

const GONE = new Set([
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ERR_STREAM_PREMATURE_CLOSE',
  'ERR_HTTP_REQUEST_TIMEOUT',
])

/** Whether an error of Koa's says no more than that the other end went away. */
export function isGone(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const code = 'code' in error ? String(error.code) : ''
  return GONE.has(code) || code.startsWith('HPE_')
}
