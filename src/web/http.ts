import type { IncomingMessage } from 'node:http'
import type { Context } from 'koa'
import { DYNAMIC } from './headers.js'

const bases = new WeakMap<IncomingMessage, string>()

/** Sets the path that the proxy strips. Browsers see it in front of every path. */
export function setBase({ req }: Context, base: string): void {
  if (base !== '') bases.set(req, base)
}

function baseOf({ req }: Context): string {
  return bases.get(req) ?? ''
}

export function sentPath(ctx: Context): string {
  return baseOf(ctx) === '' ? ctx.path : originalPath(ctx)
}

// As the browser sees it: koa-mount removes the beginning of the path.
export function seenPath(ctx: Context): string {
  if (baseOf(ctx) !== '') return baseOf(ctx) + originalPath(ctx)
  return isShortened(ctx) ? originalPath(ctx) : ctx.path
}

export function seenUrl(ctx: Context): string {
  if (baseOf(ctx) !== '') return baseOf(ctx) + ctx.originalUrl
  return isShortened(ctx) ? ctx.originalUrl : ctx.url
}

export function mountedAt(ctx: Context): string {
  if (!isShortened(ctx)) return ''
  const original = originalPath(ctx)
  const mount = original.endsWith(ctx.path) ? original.slice(0, -ctx.path.length) : original
  return mount.replace(/\/$/, '')
}

// ctx.mountPath stays set after the mounted app, and names only the last of nested mounts.
function isShortened(ctx: Context): boolean {
  const { path, mountPath } = ctx
  const original = originalPath(ctx)
  if (typeof mountPath !== 'string' || path === original) return false
  return original.endsWith(path) || original.endsWith(mountPath)
}

function originalPath({ originalUrl }: Context): string {
  return originalUrl.split('?', 1)[0] ?? ''
}

// In UTF-16 units. Enough for the longest `next`, percent-encoded, and a few other parameters.
const LONGEST = 8_192
const MOST = 50

// Koa's ctx.query takes quadratic time: 0.4 s for 7,000 parameters. A query beyond the limits counts as empty.
export function queryOf({ querystring }: Context): URLSearchParams {
  const isTooLong = querystring.length > LONGEST || querystring.split('&', MOST + 1).length > MOST
  return new URLSearchParams(isTooLong ? '' : querystring)
}

// PostgreSQL rejects text with NUL.
export function queryText(ctx: Context, name: string): string | undefined {
  const [text, ...others] = queryOf(ctx).getAll(name)
  return others.length === 0 && !text?.includes('\0') ? text : undefined
}

export function refusesMethod(ctx: Context): boolean {
  if (isRead(ctx)) return false
  ctx.set({ ...DYNAMIC, Allow: 'GET, HEAD' })
  ctx.status = 405
  ctx.body = 'Only GET and HEAD can be used here.\n'
  return true
}

export function isRead(ctx: Context): boolean {
  return ctx.method === 'GET' || ctx.method === 'HEAD'
}
