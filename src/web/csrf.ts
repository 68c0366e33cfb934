import { hash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Context } from 'koa'
import { refuseRequest } from './errors.js'
import { randomFew } from './random.js'
import { keep, keptText } from './session.js'

const SECRET_LENGTH = 16
/** Base64url characters of the fingerprint of what a form acts on. */
const SUBJECT_LENGTH = 16

const CROSS_SITE = {
  code: 'cross_site',
  sentence: 'This was sent from another site, so nothing was done. Please use the form on this site.',
}

/**
 * A token for one form, made from the visitor's secret. Makes the secret, and so the cookie, if there is none. `subject` is
 * the id of what the form acts on, an account or a link: it is no secret, and only its fingerprint goes into the token.
 */
export function csrfToken(ctx: Context, subject = ''): string {
  const secret = Buffer.from(keptText(ctx, 'csrf') ?? newSecret(ctx), 'base64url')
  // A fresh mask each time: the same bytes on every page could be guessed from compressed lengths (BREACH).
  const mask = randomFew(SECRET_LENGTH)
  const token = Buffer.concat([mask, xor(mask, secret)]).toString('base64url')
  return subject === '' ? token : `${token}.${fingerprintOf(subject)}`
}

function fingerprintOf(subject: string): string {
  return hash('sha256', subject, 'base64url').slice(0, SUBJECT_LENGTH)
}

/** Whether the token was made for a form that acts on something, and on something else than this. */
export function isForAnother(token: string, subject: string): boolean {
  const [, fingerprint = ''] = token.split('.')
  return fingerprint !== '' && fingerprint !== fingerprintOf(subject)
}

/** Gives the visitor a new secret: forms of the time before a login or logout no longer count. */
export function newSecret(ctx: Context): string {
  const csrf = randomBytes(SECRET_LENGTH).toString('base64url')
  keep(ctx, { csrf })
  return csrf
}

export function csrfMatches(ctx: Context, token: string): boolean {
  const csrf = keptText(ctx, 'csrf')
  const [masked = ''] = token.split('.', 1)
  const bytes = Buffer.from(masked, 'base64url')
  if (csrf === undefined || bytes.length !== 2 * SECRET_LENGTH) return false
  const secret = xor(bytes.subarray(0, SECRET_LENGTH), bytes.subarray(SECRET_LENGTH))
  return timingSafeEqual(secret, Buffer.from(csrf, 'base64url'))
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
export function isCrossSite(ctx: Context, origin: string | undefined): boolean {
  const site = ctx.get('Sec-Fetch-Site')
  if (site !== '') return site !== 'same-origin' && site !== 'none'
  const sender = ctx.get('Origin')
  if (sender === '') return false
  // Koa's ctx.origin is the request's own Origin header when there is one, and ctx.host may be a forwarded one.
  return origin === undefined ? hostOf(sender) !== ctx.get('Host').toLowerCase() : sender !== origin
}

/** Throws, for a bare page of 403, if another site sent this request. */
export function refuseCrossSite(ctx: Context, origin: string | undefined): void {
  if (isCrossSite(ctx, origin)) refuseRequest(ctx, 403, CROSS_SITE)
}

function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined
}
