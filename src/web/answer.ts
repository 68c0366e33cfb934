import type { Context } from 'koa'
import { answerHtml } from './compression.js'
import { DYNAMIC, SPOKEN } from './headers.js'

// Tells public/no-answer.js that this is not a proxy's error page.
const OURS = { Gatehouse: 'fragment' }

export function isHtmx(ctx: Context): boolean {
  return ctx.get('HX-Request') === 'true'
}

export function answer(ctx: Context, { page, fragment }: { page: () => void; fragment: () => void }): void {
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

export function answerIn(ctx: Context, language: string, html: string): void {
  ctx.set(SPOKEN)
  ctx.set('Content-Language', language)
  if (isHtmx(ctx)) ctx.set(OURS)
  answerHtml(ctx, html)
}
