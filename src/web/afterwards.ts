import { randomInt } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import type { Context } from 'koa'

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
