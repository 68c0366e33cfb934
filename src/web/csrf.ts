import { hash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Context } from 'koa'
import type { Logger } from 'pino'
import { randomFew } from '../secrets/random.js'
import { refuseRequest } from './refusal.js'
import type { OwnCookie } from './sealed-cookie.js'

const SECRET_LENGTH = 16
/** Base64url characters of the fingerprint of what a form acts on. */
const SUBJECT_LENGTH = 16

const CROSS_SITE = {
  code: 'cross_site',
  sentence: 'This was sent from another site, so nothing was done. Please use the form on this site.',
}

/** The secret of each visitor by which forms are known that came from our own pages. */
export interface Csrf {
  /**
   * A token for one form. Makes the visitor's secret, and so the cookie, if there is none. `subject` is the id of what the
   * form acts on, an account or a link: it is no secret, and only its fingerprint goes into the token.
   */
  token(ctx: Context, subject?: string): string
  matches(ctx: Context, token: string): boolean
  /** '' if the visitor has none yet. */
  secretOf(ctx: Context): string
  /** Ends the secret of visitors who are not logged in: forms of the time before a login or logout no longer count. */
  forget(ctx: Context): void
}

export interface CsrfOptions {
  /** Holds the secret of who is not logged in. */
  cookie: OwnCookie
  /**
   * Do it where another site on this host has its own under that name: to show a form must not spoil those of the other. The
   * first is written.
   */
  spare: readonly OwnCookie[]
  /** The secret of who is: it comes and goes with the login, so that no page of before takes its place. */
  ofLogin: (ctx: Context) => string | undefined
}

export function createCsrf({ cookie, spare, ofLogin }: CsrfOptions): Csrf {
  const cookies = [cookie, ...spare]
  const readers = [ofLogin, ...cookies.map(({ read }) => read)]
  const [other = cookie] = spare
  const secretOf = (ctx: Context): string => {
    for (const read of readers) {
      const secret = read(ctx)
      if (typeof secret === 'string') return secret
    }
    return ''
  }
  const made = (ctx: Context): string => {
    const secret = newSecret()
    const free = cookie.isTaken(ctx) ? other : cookie
    free.write(ctx, secret)
    return secret
  }
  return {
    token: (ctx, subject = '') => masked(secretOf(ctx) || made(ctx)) + mark(subject),
    matches: (ctx, token) => isOf(secretOf(ctx), token),
    secretOf,
    forget: (ctx) => {
      for (const { clear } of cookies) clear(ctx)
    },
  }
}

export function newSecret(): string {
  return randomBytes(SECRET_LENGTH).toString('base64url')
}

// A fresh mask each time: the same bytes on every page could be guessed from compressed lengths (BREACH).
function masked(secret: string): string {
  const mask = randomFew(SECRET_LENGTH)
  return Buffer.concat([mask, xor(mask, Buffer.from(secret, 'base64url'))]).toString('base64url')
}

function mark(subject: string): string {
  return subject === '' ? '' : `.${fingerprintOf(subject)}`
}

function fingerprintOf(subject: string): string {
  return hash('sha256', subject, 'base64url').slice(0, SUBJECT_LENGTH)
}

/** Whether the token was made for a form that acts on something, and on something else than this. */
export function isForAnother(token: string, subject: string): boolean {
  const [, fingerprint = ''] = token.split('.')
  return fingerprint !== '' && fingerprint !== fingerprintOf(subject)
}

function isOf(secret: string, token: string): boolean {
  const [masked = ''] = token.split('.', 1)
  const bytes = Buffer.from(masked, 'base64url')
  if (secret === '' || bytes.length !== 2 * SECRET_LENGTH) return false
  const unmasked = xor(bytes.subarray(0, SECRET_LENGTH), bytes.subarray(SECRET_LENGTH))
  return timingSafeEqual(unmasked, Buffer.from(secret, 'base64url'))
}

function xor(one: Buffer, other: Buffer): Buffer {
  const mixed = Buffer.alloc(one.length)
  for (let at = 0; at < mixed.length; at++) mixed[at] = (one[at] ?? 0) ^ (other[at] ?? 0)
  return mixed
}

/**
 * Whether the browser says that another site sent this request: by `Sec-Fetch-Site`, else by `Origin`, and a request
 * with neither passes (text browsers). `origin` is the site's fixed address, if it has one; else the Host header decides.
 */
export function isCrossSite(ctx: Context, origin: string | undefined, sender = ctx.get('Origin')): boolean {
  const site = ctx.get('Sec-Fetch-Site')
  if (site !== '') return site !== 'same-origin' && site !== 'none'
  if (sender === '') return false
  // Koa's ctx.origin is the request's own Origin header when there is one, and ctx.host may be a forwarded one.
  if (origin !== undefined) return originOf(sender) !== origin
  const host = hostOf(sender)
  return host === undefined || !ownHosts(ctx).includes(host)
}

/** The same for who has followed a link, which brings no `Origin`: by the Referer. */
export function isFromElsewhere(ctx: Context, origin: string | undefined): boolean {
  const referer = ctx.get('Referer')
  return isCrossSite(ctx, origin, URL.canParse(referer) ? new URL(referer).origin : referer)
}

/** Throws, for a bare page of 403, if another site sent this request. */
export function refuseCrossSite(
  ctx: Context,
  { origin, log }: { origin: string | undefined; log: Logger },
): void {
  if (!isCrossSite(ctx, origin)) return
  if (ctx.get('Sec-Fetch-Site') === '') noteForeign(ctx, origin, log)
  refuseRequest(ctx, 403, CROSS_SITE)
}

// A proxy may name the port that every browser leaves out, whichever of the two it is that the browser speaks.
function ownHosts(ctx: Context): (string | undefined)[] {
  return ['http', 'https'].map((scheme) => hostOf(`${scheme}://${ctx.get('Host')}`))
}

/** As browsers write it: lower case, without the port of the scheme; and without the dot that may end a name. */
function hostOf(address: string): string | undefined {
  if (!ORIGIN.test(address) || !URL.canParse(address)) return undefined
  const { hostname, port } = new URL(address)
  return `${hostname.replace(/\.$/, '')}${port && `:${port}`}`
}

function originOf(address: string): string | undefined {
  const host = hostOf(address)
  return host === undefined ? undefined : `${new URL(address).protocol}//${host}`
}

const ORIGIN = /^https?:\/\/[^\s/\\@?#]+$/i

/** So many of what is refused by its Origin are named: strangers can make up more. */
const MOST_NAMED = 10
const LONGEST_NAMED = 100

const named = new WeakMap<Logger, Set<string>>()

/** Says what to set if these were visitors of this site after all: behind a proxy that changes the Host header they are. */
function noteForeign(ctx: Context, origin: string | undefined, log: Logger): void {
  const [from, host] = [ctx.get('Origin'), ctx.get('Host')].map((text) => text.slice(0, LONGEST_NAMED))
  const known = named.get(log) ?? new Set()
  const reason = `${from} ${host}`
  if (known.has(reason) || known.size >= MOST_NAMED) return
  named.set(log, known.add(reason))
  log.warn(
    { origin: from, host, ...(origin !== undefined && { baseUrl: origin }) },
    'a form was refused because its Origin is not the address of the site: if visitors come by it, set BASE_URL (baseUrl) to it',
  )
}
