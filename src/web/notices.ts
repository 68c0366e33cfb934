import type { Context } from 'koa'
import type { Message } from './form.js'
import type { OwnCookie } from './sealed-cookie.js'

/** A message of success, with a link to where it leads. */
export interface Notice {
  message: Message
  link?: Link
  /** What may be wrong with what was accepted, and where it can be mended; who gets it goes on when they like. */
  advice?: Omit<Notice, 'advice'>
}

export interface Link {
  href: string
  message: Message
}

/** Notices on their way from the answer to a form to the page that comes next. */
export interface Notices {
  leave(ctx: Context, notice: Notice): void
  /** The notice that waits for this page, once. */
  take(ctx: Context): Notice | undefined
}

export interface NoticesOptions {
  cookie: OwnCookie
  /** By whom alone it is read: the session that it is about, or '' for a visitor. */
  readerOf: (ctx: Context) => string
  now: () => number
}

/** After a minute nobody remembers the button, and a message would be about something else. */
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
      // Asking for the head alone, as monitors do, is not looking at the page: the notice stays for who does.
      if (ctx.method !== 'HEAD') cookie.clear(ctx)
      const age = now() - waiting.at
      return age >= 0 && age < LIFE && waiting.reader === readerOf(ctx) ? waiting.notice : undefined
    },
  }
}

function isWaiting(value: unknown): value is Waiting {
  return typeof value === 'object' && value !== null && 'at' in value && 'notice' in value
}
