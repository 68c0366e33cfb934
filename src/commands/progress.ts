export interface Progress {
  advance(steps: number): void
  end(): void
}

type Output = { write(text: string): unknown }

const WIDTH = 30
// Milliseconds.
const DRAW_EVERY = 100
const CLEAR = '\r\u001b[K'

export function isWatched(): boolean {
  return process.stderr.isTTY && !process.stdout.isTTY
}

export const UNWATCHED: Progress = { advance() {}, end() {} }

export function progressOf(total: number): Progress {
  return process.stderr.isTTY ? createProgress(total) : UNWATCHED
}

export function createProgress(
  total: number,
  { stream = process.stderr, now = Date.now }: { stream?: Output; now?: () => number } = {},
): Progress {
  let done = 0
  let drawnAt = Number.NEGATIVE_INFINITY
  return {
    advance(steps) {
      done += steps
      if (now() - drawnAt < DRAW_EVERY) return
      drawnAt = now()
      stream.write(CLEAR + barOf(done, total))
    },
    end: () => void stream.write(CLEAR),
  }
}

function barOf(done: number, total: number): string {
  const share = total === 0 ? 1 : Math.min(done / total, 1)
  const full = Math.round(share * WIDTH)
  return `[${'#'.repeat(full)}${'.'.repeat(WIDTH - full)}] ${done} of ${total}`
}
