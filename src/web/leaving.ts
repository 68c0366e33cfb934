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
