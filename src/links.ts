import type { Context } from 'koa'
import type { House } from './house.js'
import * as tokens from './tables/tokens.js'
import { hashOf } from './tokens.js'
import type { Message } from './web/form.js'
import { keep, keptText } from './web/session.js'

/** A mailed link that was opened here, as the database knows it. */
export type Link =
  | { state: 'live' | 'used' | 'old'; token: tokens.Token }
  | { state: 'unknown'; token?: undefined }

const DEAD: Record<Link['state'], Message> = {
  live: { code: 'link_lost', sentence: 'This link was used just now, in another tab or on another device.' },
  used: { code: 'link_used', sentence: 'This link was used already.' },
  old: { code: 'link_old', sentence: 'This link is too old.' },
  unknown: {
    code: 'link_unknown',
    sentence: 'This link is not valid, or no longer: it is not complete, or a later change has ended it.',
  },
}

/**
 * Opens a mailed link: its token goes into the session, and the visitor to the clean address of the page, where a button
 * uses it. So nothing happens to a link that a mail scanner looks at, and it stays in no history and no log.
 */
export function openLink(ctx: Context, house: House, purpose: tokens.Purpose, page: string): void {
  keep(ctx, { [nameOf(purpose)]: ctx.params.token })
  house.pages.leave(ctx, page)
}

function nameOf(purpose: tokens.Purpose): string {
  return `link-${purpose}`
}

/** The link for this purpose that was opened last in this browser; undefined if there is none. */
export async function linkOf(ctx: Context, house: House, purpose: tokens.Purpose): Promise<Link | undefined> {
  const secret = keptText(ctx, nameOf(purpose))
  if (secret === undefined) return undefined
  const token = await tokens.byHash(house.database.main, hashOf(secret), purpose)
  if (token === undefined) return { state: 'unknown' }
  if (token.usedAt !== null) return { state: 'used', token }
  return { state: token.expiresAt > house.now() ? 'live' : 'old', token }
}

/** Lets go of the link: what it was opened for is done, or it is asked for in another way. */
export function forgetLink(ctx: Context, purpose: tokens.Purpose): void {
  keep(ctx, { [nameOf(purpose)]: undefined })
}

/** Lets a page go on as if a link with this token had been opened. */
export function keepLink(ctx: Context, purpose: tokens.Purpose, token: string): void {
  keep(ctx, { [nameOf(purpose)]: token })
}

/** Says why a link does nothing any more, and where it goes on. */
export function refuseLink(
  ctx: Context,
  house: House,
  { state }: Link,
  link: { href: string; message: Message },
): void {
  house.pages.problem(ctx, { status: 410, error: DEAD[state], link })
}
