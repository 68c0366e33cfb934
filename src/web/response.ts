import type { Context } from 'koa'
import { respondHtml } from './compression.js'
import { DYNAMIC, LOCALIZED } from './headers.js'

// Shows public/no-response.js that this is not the error page of a proxy.
const FROM_GATEHOUSE = { Gatehouse: 'fragment' }

export function isHtmx(ctx: Context): boolean {
  return ctx.get('HX-Request') === 'true'
}

export function respond(ctx: Context, { page, fragment }: { page: () => void; fragment: () => void }): void {
  if (isHtmx(ctx)) fragment()
  else page()
}

export function redirect(ctx: Context, to: string): void {
  ctx.set(DYNAMIC)
  ctx.status = 303
  ctx.redirect(to)
  ctx.body = ''
}

// htmx must open a whole page, not swap it into a fragment.
export function redirectHtmx(ctx: Context, to: string): void {
  ctx.set(DYNAMIC)
  ctx.status = 200
  ctx.set('HX-Redirect', to)
  ctx.body = ''
}

export function respondIn(ctx: Context, language: string, html: string): void {
  ctx.set(LOCALIZED)
  ctx.set('Content-Language', language)
  if (isHtmx(ctx)) ctx.set(FROM_GATEHOUSE)
  respondHtml(ctx, html)
}
