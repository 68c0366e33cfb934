import { hash, timingSafeEqual } from 'node:crypto'
import type { Context } from 'koa'
import type { Logger } from 'pino'
import { pooledRandomBytes } from '../secrets/random.js'
import { refuseRequest } from './refusal.js'
import type { OwnCookie } from './sealed-cookie.js'

const SECRET_LENGTH = 16
const SUBJECT_LENGTH = 16

const CROSS_SITE = {
  code: 'cross_site',
  sentence: 'This form was sent from another site, so nothing was changed. Use the form on this site.',
}

export interface Csrf {
  /** Creates the secret and its cookie if needed. The token contains a fingerprint of the ID `subject`. */
  token(ctx: Context, subject?: string): string
  matches(ctx: Context, token: string): boolean
  secretOf(ctx: Context): string
  ensureSecret(ctx: Context): string
  /** Invalidates forms that were opened before a login or logout. */
  forget(ctx: Context): void
}

export interface CsrfOptions {
  cookie: OwnCookie
  /** Read as well. The first is written if another site on this host uses the name of `cookie`. */
  spare: readonly OwnCookie[]
  /** Returns the secret of a logged-in user. Each login changes it, so earlier pages stop working. */
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
  const create = (ctx: Context): string => {
    const secret = newSecret()
    const free = cookie.isTaken(ctx) ? other : cookie
    free.write(ctx, secret)
    return secret
  }
  const ensureSecret = (ctx: Context) => secretOf(ctx) || create(ctx)
  return {
    token: (ctx, subject = '') => masked(ensureSecret(ctx)) + subjectMark(subject),
    matches: (ctx, token) => isTokenOf(secretOf(ctx), token),
    secretOf,
    ensureSecret,
    forget: (ctx) => {
      for (const { clear } of cookies) clear(ctx)
    },
  }
}

export function newSecret(): string {
  return pooledRandomBytes(SECRET_LENGTH).toString('base64url')
}

// Masks each token anew, because the same bytes could be guessed from compressed lengths (BREACH).
function masked(secret: string): string {
  const mask = pooledRandomBytes(SECRET_LENGTH)
  return Buffer.concat([mask, xor(mask, Buffer.from(secret, 'base64url'))]).toString('base64url')
}

function subjectMark(subject: string): string {
  return subject === '' ? '' : `.${fingerprintOf(subject)}`
}

function fingerprintOf(subject: string): string {
  return hash('sha256', subject, 'base64url').slice(0, SUBJECT_LENGTH)
}

export function isForAnotherSubject(token: string, subject: string): boolean {
  const [, fingerprint = ''] = token.split('.')
  return fingerprint !== '' && fingerprint !== fingerprintOf(subject)
}

function isTokenOf(secret: string, token: string): boolean {
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

// Requests with neither Sec-Fetch-Site nor Origin pass (text browsers). Without `origin`, the Host header decides.
export function isCrossSite(ctx: Context, origin: string | undefined, sender = ctx.get('Origin')): boolean {
  const site = ctx.get('Sec-Fetch-Site')
  if (site !== '') return site !== 'same-origin' && site !== 'none'
  if (sender === '') return false
  // Not ctx.origin, which repeats the Origin header, nor ctx.host, which may be forwarded.
  if (origin !== undefined) return originOf(sender) !== origin
  const host = hostOf(sender)
  return host === undefined || !ownHosts(ctx).includes(host)
}

// Browsers send no Origin with links, so the Referer decides.
export function isFromElsewhere(ctx: Context, origin: string | undefined): boolean {
  const referer = ctx.get('Referer')
  return isCrossSite(ctx, origin, URL.canParse(referer) ? new URL(referer).origin : referer)
}

export function refuseCrossSite(
  ctx: Context,
  { origin, log }: { origin: string | undefined; log: Logger },
): void {
  if (!isCrossSite(ctx, origin)) return
  if (ctx.get('Sec-Fetch-Site') === '') warnUnknownOrigin(ctx, origin, log)
  refuseRequest(ctx, 403, CROSS_SITE)
}

// A proxy may add the default port, which browsers leave out.
function ownHosts(ctx: Context): (string | undefined)[] {
  return ['http', 'https'].map((scheme) => hostOf(`${scheme}://${ctx.get('Host')}`))
}

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

// Bounded, because anyone can make up origins.
const MAX_NAMED = 10
const MAX_NAMED_LENGTH = 100

const named = new WeakMap<Logger, Set<string>>()

// Behind a proxy that changes the Host header, these may be visitors of this site.
function warnUnknownOrigin(ctx: Context, origin: string | undefined, log: Logger): void {
  const [from, host] = [ctx.get('Origin'), ctx.get('Host')].map((text) => text.slice(0, MAX_NAMED_LENGTH))
  const known = named.get(log) ?? new Set()
  const reason = `${from} ${host}`
  if (known.has(reason) || known.size >= MAX_NAMED) return
  named.set(log, known.add(reason))
  log.warn(
    { origin: from, host, ...(origin !== undefined && { baseUrl: origin }) },
    'form refused: unknown Origin; set BASE_URL (baseUrl) if visitors use this address',
  )
}
