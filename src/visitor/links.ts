import type { Context } from 'koa'
import { REPEAT_WINDOW } from '../accounts/lifetimes.js'
import { hashOf } from '../secrets/token.js'
import * as tokens from '../tables/tokens.js'
import * as users from '../tables/users.js'
import type { Message, Subject } from '../web/form.js'
import { keep, keptText } from '../web/session.js'
import { fingerprint, type Sent } from '../web/submit.js'
import { type Gatehouse, gatehouseOf } from './gatehouse.js'

export type Link = LiveLink | { state: 'done' | 'used' | 'old'; token: tokens.Token } | UnknownLink

export interface LiveLink {
  state: 'live'
  token: tokens.Token
}

interface UnknownLink {
  /** `gone`: the link deleted the account. `closed`: the link closed the account. */
  state: 'unknown' | 'gone' | 'closed'
  token?: undefined
}

export function isLive(link: Link | undefined): link is LiveLink {
  return link?.state === 'live'
}

const UNUSABLE: Record<Link['state'], Message> = {
  live: { code: 'link_lost', sentence: 'This link has just been used, in another tab or on another device.' },
  gone: { code: 'link_gone', sentence: 'This account has been deleted.' },
  closed: { code: 'link_closed', sentence: 'This account is closed.' },
  done: { code: 'link_done', sentence: 'This has already been done.' },
  used: { code: 'link_used', sentence: 'This link has already been used.' },
  old: { code: 'link_expired', sentence: 'This link has expired.' },
  unknown: {
    code: 'link_unknown',
    sentence: 'This link does not work. Part of it may be missing, or a later change may have canceled it.',
  },
}

// Keeps the token out of histories and logs. Only a button uses it, because mail scanners open links.
export function openLink(ctx: Context, gatehouse: Gatehouse, purpose: tokens.Purpose, page: string): void {
  const token = TOKEN.test(ctx.params.token) ? ctx.params.token : 'none'
  const isEnded = keptText(ctx, nameOf(purpose))?.startsWith(`${token} `) ?? false
  if (!isEnded) keep(ctx, { [nameOf(purpose)]: token })
  gatehouse.pages.leave(ctx, page)
}

const TOKEN = /^[\w-]{43}$/

// Kept with the used token, so that this browser sees the outcome when it opens the link again.
type End = 'done' | 'gone' | 'closed'

function nameOf(purpose: tokens.Purpose): string {
  return `link-${purpose}`
}

// `sent` recognizes the form that used the link, in case the browser never got the response.
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
    const isRecent = gatehouse.now() - token.usedAt < REPEAT_WINDOW
    const isRepeated =
      isRecent && sent !== undefined && token.usedForm === fingerprintForLink(ctx, gatehouse, token, sent)
    const isDone = end === 'done' || isRepeated
    return { state: isDone ? 'done' : 'used', token }
  }
  return { state: token.expiresAt > gatehouse.now() ? 'live' : 'old', token }
}

export function fingerprintForLink(
  ctx: Context,
  gatehouse: Gatehouse,
  { hash }: tokens.Token,
  sent: Sent<never>,
): string {
  return fingerprint(ctx, gatehouse, sent, hash)
}

/** The same for a link that was deleted with its account. */
export function fingerprintForOpened(
  ctx: Context,
  gatehouse: Gatehouse,
  purpose: tokens.Purpose,
  sent: Sent<never>,
): string | undefined {
  const [secret] = keptText(ctx, nameOf(purpose))?.split(' ') ?? []
  return secret && fingerprint(ctx, gatehouse, sent, hashOf(secret))
}

export function linkSubject(purpose: tokens.Purpose): Subject {
  return {
    id: (ctx) => keptText(ctx, nameOf(purpose))?.split(' ', 1)[0],
    async name(ctx) {
      const gatehouse = gatehouseOf(ctx)
      const link = await linkOf(ctx, gatehouse, purpose)
      return link?.token && (await users.byId(gatehouse.database.main, link.token.userId))?.user.name
    },
  }
}

export function forgetLink(ctx: Context, purpose: tokens.Purpose): void {
  keep(ctx, { [nameOf(purpose)]: undefined })
}

export function finishLink(ctx: Context, purpose: tokens.Purpose, end: End = 'done'): void {
  const [secret] = keptText(ctx, nameOf(purpose))?.split(' ') ?? []
  if (secret !== undefined) keep(ctx, { [nameOf(purpose)]: `${secret} ${end}` })
}

/** Whether this browser opened a link for this purpose and did not use it yet. */
export function hasLink(ctx: Context, purpose: tokens.Purpose): boolean {
  return TOKEN.test(keptText(ctx, nameOf(purpose)) ?? '')
}

export function keepLink(ctx: Context, purpose: tokens.Purpose, token: string): void {
  keep(ctx, { [nameOf(purpose)]: token })
}

export function refuseLink(
  ctx: Context,
  gatehouse: Gatehouse,
  { state }: Link,
  link: { href: string; message: Message },
): void {
  gatehouse.pages.problem(ctx, { status: 410, error: UNUSABLE[state], link })
}

const RESET_REQUEST = 'reset'

export function keepResetRequest(ctx: Context, username: string): void {
  keep(ctx, { [RESET_REQUEST]: username })
}

export function resetRequestOf(ctx: Context): string | undefined {
  return keptText(ctx, RESET_REQUEST)
}

export function forgetResetRequest(ctx: Context): void {
  keep(ctx, { [RESET_REQUEST]: undefined })
}
