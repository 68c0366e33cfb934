import type Router from '@koa/router'
import type { Context } from 'koa'
import { contentFor } from '../accounts/mail-content.js'
import { compose } from '../mail/template.js'
import type { Gatehouse } from '../visitor/gatehouse.js'
import { DYNAMIC } from '../web/headers.js'
import { FRAGMENT, HINTS } from '../web/page.js'
import type { EmailExhibit, Exhibit, PageExhibit } from './exhibit.js'
import { gallery } from './exhibits.js'
import { requireLocal, showMail } from './local-only.js'
import { type Sample, sampled } from './sample.js'

export const name = 'dev/gallery'
export const needs = 'development'

// `form-action 'none'` keeps forms from being sent. Disabled fields would look different.
const INERT_POLICY =
  "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"

export function routes(router: Router, gatehouse: Gatehouse): void {
  const exhibits = exhibitsOf(gatehouse)

  router.get('/dev/gallery/', requireLocal, (ctx) => {
    ctx.set('Content-Security-Policy', `${ctx.response.get('Content-Security-Policy')}; frame-src 'self'`)
    gatehouse.pages.show(ctx, 'dev/gallery/page.html', { pages: byPage(exhibits(), gatehouse) })
  })

  router.get('/dev/gallery/:page/:state/', requireLocal, (ctx) => {
    const { page, state } = ctx.params
    const exhibit = exhibits().find((one) => one.page === page && one.state === state)
    if (exhibit === undefined) return ctx.throw(404)
    ctx.set('X-Frame-Options', 'SAMEORIGIN')
    if ('letter' in exhibit) showLetter(ctx, gatehouse, exhibit)
    else show(ctx, gatehouse, exhibit)
  })
}

// Creating all exhibits takes longer than showing one.
function exhibitsOf(gatehouse: Gatehouse): () => readonly Exhibit[] {
  let made: { at: number; exhibits: readonly Exhibit[] } | undefined
  return () => {
    const at = gatehouse.now()
    if (made?.at !== at) made = { at, exhibits: gallery({ ...gatehouse, now: at }) }
    return made.exhibits
  }
}

interface Links {
  page: string
  preview: string
  states: { state: string; href: string }[]
}

function byPage(exhibits: readonly Exhibit[], { url }: Gatehouse): Links[] {
  const pages = new Map<string, Links>()
  for (const { page, state } of exhibits) {
    const href = `${url(name, page)}${state}/`
    const links = pages.get(page) ?? { page, preview: href, states: [] }
    links.states.push({ state, href })
    pages.set(page, links)
  }
  return [...pages.values()]
}

function show(ctx: Context, gatehouse: Gatehouse, { sample }: PageExhibit): void {
  showInert(
    ctx,
    [HINTS, FRAGMENT].includes(sample.template)
      ? framed(ctx, gatehouse, sample)
      : sampled(ctx, gatehouse, sample),
  )
}

function framed(ctx: Context, gatehouse: Gatehouse, sample: Sample): string {
  const around = { user: undefined, fragment: sampled(ctx, gatehouse, sample) }
  return sampled(ctx, gatehouse, { template: 'dev/gallery/fragment.html', around })
}

function showLetter(ctx: Context, gatehouse: Gatehouse, { letter, as }: EmailExhibit): void {
  const mail = { id: 'made-up', createdAt: gatehouse.now() }
  const inLanguage = { ...letter, prepared: { ...letter.prepared, language: gatehouse.languageOf(ctx) } }
  const origin = gatehouse.origin ?? 'http://localhost'
  const { subject, text, html } = compose(mail, contentFor(gatehouse, inLanguage), { ...gatehouse, origin })
  const around = { user: undefined, subject, text }
  if (as === 'html') showMail(ctx, html, "frame-ancestors 'self'")
  else showInert(ctx, sampled(ctx, gatehouse, { template: 'dev/gallery/text.html', around }))
}

function showInert(ctx: Context, html: string): void {
  ctx.set(DYNAMIC)
  ctx.set('Content-Security-Policy', INERT_POLICY)
  ctx.type = 'html'
  ctx.body = html.replaceAll(/<script\b[^>]*>[^<]*<\/script>/g, '')
}
