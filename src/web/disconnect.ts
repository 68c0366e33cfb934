import { randomInt } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import type { Context } from 'koa'

/** Throws `VisitorLeft` if the visitor went away before being answered: what is still to be done for them need not be. */
export function refuseIfLeft(ctx: Context): void {
  if (ctx.res.destroyed) throw new VisitorLeft()
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

const SHORTEST_PAUSE = 50
const LONGEST_PAUSE = 500

/**
 * Resolves a random time after the answer was sent, for work that only some requests cause: whoever measures the site must
 * see neither by this answer nor by when the site is busy then which of them it was.
 */
export async function afterwards({ res }: Context): Promise<void> {
  if (!res.closed) await new Promise((resolve) => res.once('close', resolve))
  await pause(randomInt(SHORTEST_PAUSE, LONGEST_PAUSE), undefined, { ref: false })
}
