import { randomInt } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import type { Context } from 'koa'

export function refuseIfLeft(ctx: Context): void {
  if (ctx.res.destroyed) throw new VisitorLeft()
}

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

/** Whether a Koa error only means that the other end closed the connection. */
export function isGone(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const code = 'code' in error ? String(error.code) : ''
  return GONE.has(code) || code.startsWith('HPE_')
}

const MIN_PAUSE = 50
const MAX_PAUSE = 500

// Waits a random time after the response, so that timing does not reveal which requests cause work.
export async function afterwards({ res }: Context): Promise<void> {
  if (!res.closed) await new Promise((resolve) => res.once('close', resolve))
  await pause(randomInt(MIN_PAUSE, MAX_PAUSE), undefined, { ref: false })
}
