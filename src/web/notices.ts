import type { Context } from 'koa'
import type { Message } from './form.js'
import type { OwnCookie } from './sealed-cookie.js'

export interface Notice {
  message: Message
  link?: Link
  /** What may be wrong with the accepted input. It stops htmx from moving on by itself. */
  extra?: Omit<Notice, 'extra'>
}

export interface Link {
  href: string
  message: Message
}

export interface Notices {
  leave(ctx: Context, notice: Notice): void
  take(ctx: Context): Notice | undefined
}

export interface NoticesOptions {
  cookie: OwnCookie
  readerOf: (ctx: Context) => string
  now: () => number
}

// Milliseconds. Later the message would seem to be about something else.
const LIFE = 60_000

interface Waiting {
  at: number
  reader: string
  notice: Notice
}

export function createNotices({ cookie, readerOf, now }: NoticesOptions): Notices {
  return {
    leave(ctx, notice) {
      const waiting: Waiting = { at: now(), reader: readerOf(ctx), notice }
      cookie.write(ctx, waiting, { maxAge: LIFE })
    },
    take(ctx) {
      const waiting = cookie.read(ctx)
      if (!isWaiting(waiting)) return undefined
      // Monitors send HEAD and see no page, so the notice stays.
      if (ctx.method !== 'HEAD') cookie.clear(ctx)
      const age = now() - waiting.at
      return age >= 0 && age < LIFE && waiting.reader === readerOf(ctx) ? waiting.notice : undefined
    },
  }
}

function isWaiting(value: unknown): value is Waiting {
  return typeof value === 'object' && value !== null && 'at' in value && 'notice' in value
}
