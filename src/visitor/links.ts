import type { Context } from 'koa'
import { REPEATED_FOR } from '../accounts/lifetimes.js'
import { hashOf } from '../secrets/token.js'
import * as tokens from '../tables/tokens.js'
import * as users from '../tables/users.js'
import type { Message, Subject } from '../web/form.js'
import { keep, keptText } from '../web/session.js'
import { fingerprint, type Sent } from '../web/submit.js'
import { type Gatehouse, gatehouseOf } from './gatehouse.js'

/** A mailed link that was opened here, as the database knows it. */
export type Link = LiveLink | { state: 'done' | 'used' | 'old'; token: tokens.Token } | UnknownLink

export interface LiveLink {
  state: 'live'
  token: tokens.Token
}

interface UnknownLink {
  /** `gone` with the account that it has erased, here; `closed` with the one that it has closed. */
  state: 'unknown' | 'gone' | 'closed'
  token?: undefined
}

/** Whether the link may yet do what it was sent for. */
export function isLive(link: Link | undefined): link is LiveLink {
  return link?.state === 'live'
}

const DEAD: Record<Link['state'], Message> = {
  live: { code: 'link_lost', sentence: 'This link was used just now, in another tab or on another device.' },
  gone: { code: 'link_gone', sentence: 'This account is erased.' },
  closed: { code: 'link_closed', sentence: 'This account is closed.' },
  done: { code: 'link_done', sentence: 'This was done already.' },
  used: { code: 'link_used', sentence: 'This link was used already.' },
  old: { code: 'link_old', sentence: 'This link is too old.' },
  unknown: {
    code: 'link_unknown',
    sentence:
      'This link does not work: a part of it is missing, or something that was done later has ended it.',
  },
}

/**
 * Opens a mailed link: its token goes into the session, and the visitor to the clean address of the page, where a button
 * uses it. So nothing happens to a link that a mail scanner looks at, and it stays in no history and no log.
 */
export function openLink(ctx: Context, gatehouse: Gatehouse, purpose: tokens.Purpose, page: string): void {
  const token = TOKEN.test(ctx.params.token) ? ctx.params.token : 'none'
  const isEnded = keptText(ctx, nameOf(purpose))?.startsWith(`${token} `) ?? false
  if (!isEnded) keep(ctx, { [nameOf(purpose)]: token })
  gatehouse.pages.leave(ctx, page)
}

const TOKEN = /^[\w-]{43}$/

// Behind a token that was used in this browser: whoever comes again is told what came of it.
type End = 'done' | 'gone' | 'closed'

function nameOf(purpose: tokens.Purpose): string {
  return `link-${purpose}`
}

/**
 * The link for this purpose that was opened last in this browser; undefined if there is none. By the form that was `sent`
 * it is known whether it was this very form that has used it, if the first answer never arrived.
 */
export async function linkOf(
  ctx: Context,
  gatehouse: Gatehouse,
  purpose: tokens.Purpose,
  sent?: Sent<never>,
): Promise<Link | undefined> {
  const kept = keptText(ctx, nameOf(purpose))
  if (kept === undefined) return undefined
  const [secret = '', end] = kept.split(' ')
  if (end === 'gone' || end === 'closed') return { state: end }
  const token = await tokens.byHash(gatehouse.database.main, hashOf(secret), purpose)
  if (token === undefined) return { state: 'unknown' }
  if (token.usedAt !== null) {
    const isRecent = gatehouse.now() - token.usedAt < REPEATED_FOR
    const isRepeated =
      isRecent && sent !== undefined && token.usedForm === formOf(ctx, gatehouse, token, sent)
    const isDone = end === 'done' || isRepeated
    return { state: isDone ? 'done' : 'used', token }
  }
  return { state: token.expiresAt > gatehouse.now() ? 'live' : 'old', token }
}

/** The fingerprint of a form by which a link is used. */
export function formOf(
  ctx: Context,
  gatehouse: Gatehouse,
  { hash }: tokens.Token,
  sent: Sent<never>,
): string {
  return fingerprint(ctx, gatehouse, sent, hash)
}

/** What a form acts on that stands behind a link: the account of the link, whoever is logged in here. */
export function behindLink(purpose: tokens.Purpose): Subject {
  return {
    id: (ctx) => keptText(ctx, nameOf(purpose))?.split(' ', 1)[0],
    async name(ctx) {
      const gatehouse = gatehouseOf(ctx)
      const link = await linkOf(ctx, gatehouse, purpose)
      return link?.token && (await users.byId(gatehouse.database.main, link.token.userId))?.user.name
    },
  }
}

/** Lets go of the link: what it was opened for is done, or it is asked for in another way. */
export function forgetLink(ctx: Context, purpose: tokens.Purpose): void {
  keep(ctx, { [nameOf(purpose)]: undefined })
}

/** Notes that the link was used here, and whether its account is `gone` by that. */
export function finishLink(ctx: Context, purpose: tokens.Purpose, end: End = 'done'): void {
  const [secret] = keptText(ctx, nameOf(purpose))?.split(' ') ?? []
  if (secret !== undefined) keep(ctx, { [nameOf(purpose)]: `${secret} ${end}` })
}

/** Lets a page go on as if a link with this token had been opened. */
export function keepLink(ctx: Context, purpose: tokens.Purpose, token: string): void {
  keep(ctx, { [nameOf(purpose)]: token })
}

/** Says why a link does nothing any more, and where it goes on. */
export function refuseLink(
  ctx: Context,
  gatehouse: Gatehouse,
  { state }: Link,
  link: { href: string; message: Message },
): void {
  gatehouse.pages.problem(ctx, { status: 410, error: DEAD[state], link })
}

const RESET_REQUEST = 'reset'

/** Notes in this browser for whom a new password was asked, so that the mailed code can be typed here in place of the link. */
export function keepResetRequest(ctx: Context, username: string): void {
  keep(ctx, { [RESET_REQUEST]: username })
}

export function resetRequestOf(ctx: Context): string | undefined {
  return keptText(ctx, RESET_REQUEST)
}

export function forgetResetRequest(ctx: Context): void {
  keep(ctx, { [RESET_REQUEST]: undefined })
}
