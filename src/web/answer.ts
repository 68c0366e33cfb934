import type { Context } from 'koa'
import { answerHtml } from './compression.js'
import { DYNAMIC, SPOKEN } from './headers.js'

/** Tells public/no-answer.js that the answer is no error page of a proxy. */
const OURS = { Gatehouse: 'fragment' }

/** The one place that asks which kind of browser it is. */
export function isHtmx(ctx: Context): boolean {
  return ctx.get('HX-Request') === 'true'
}

/** Answers either kind of browser. */
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

// A whole page is never swapped into a fragment: htmx is told to open it as a page.
export function redirectHtmx(ctx: Context, to: string): void {
  ctx.set(DYNAMIC)
  ctx.status = 200
  ctx.set('HX-Redirect', to)
  ctx.body = ''
}

/** A page or fragment in this language. */
export function answerIn(ctx: Context, language: string, html: string): void {
  ctx.set(SPOKEN)
  ctx.set('Content-Language', language)
  if (isHtmx(ctx)) ctx.set(OURS)
  answerHtml(ctx, html)
}
