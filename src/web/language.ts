import type { Context } from 'koa'
import { isRead, queryOf, queryText, seenPath } from './http.js'
import { ownPath } from './local-path.js'
import { cookieName } from './sealed-cookie.js'

/** In which of the site's languages a request is answered. */
export interface LanguageChoice {
  /**
   * The one for which the address asks, else that of the visitor's cookie, else what the browser asks for
   * (`Accept-Language`), else the first.
   */
  of(ctx: Context): string
  /** The switch: every language, with the address that shows `page` in it; none where there is nothing to choose. */
  links(ctx: Context, page?: string): LanguageLink[]
  /**
   * Keeps the language for which the address of a page asks, and answers the address without that; undefined if it does not,
   * or a link of another site asks: that shows the page in it, and changes nothing.
   */
  take(ctx: Context): string | undefined
}

/** The way to a page in another language. */
export interface LanguageLink {
  tag: string
  name: string
  href: string
  isCurrent: boolean
}

export interface LanguageChoiceOptions {
  /** Those that can be chosen, by what they call themselves; the first is for who understands none of them. */
  offered: readonly { tag: string; name: string }[]
  cookie: { name: string; https: boolean }
  /** Who decides instead of visitors; undefined for what the browser asks for. */
  decide?: ((ctx: Context) => string | undefined) | undefined
  /** Whether another site led the visitor here. */
  isFromElsewhere: (ctx: Context) => boolean
  /** Told when a visitor has chosen. */
  onChosen?: (ctx: Context, tag: string) => void
}

const PARAMETER = 'lang'
/** A year, in milliseconds. */
const KEPT = 365 * 24 * 60 * 60 * 1000
/** Most browsers ask alike: what came of that is remembered, of so many wishes that no flood of odd ones fills the memory. */
const MOST_WISHES = 1_000
const LONGEST_WISH = 200

export function createLanguageChoice(options: LanguageChoiceOptions): LanguageChoice {
  const { offered, cookie, decide, isFromElsewhere, onChosen = () => {} } = options
  const tags = offered.map(({ tag }) => tag)
  const [first = 'en'] = tags
  const known = new Set(tags)
  const isKnown = (tag: unknown): tag is string => typeof tag === 'string' && known.has(tag)
  const isOpen = decide === undefined && tags.length > 1
  const name = cookieName(cookie.name, cookie)
  const chosen = new WeakMap<Context, string>()
  const wishes = new Map<string, string>()

  const asked = (ctx: Context): string | undefined => {
    if (!isOpen || !isRead(ctx) || !ctx.querystring.includes(PARAMETER)) return undefined
    const tag = queryText(ctx, PARAMETER)
    return isKnown(tag) ? tag : undefined
  }
  const kept = (ctx: Context): string | undefined => {
    const tag = isOpen ? ctx.cookies.get(name, { signed: false }) : undefined
    return isKnown(tag) ? tag : undefined
  }
  const decided = (ctx: Context): string | undefined => {
    const tag = decide?.(ctx)
    return isKnown(tag) ? tag : undefined
  }
  const preferred = (ctx: Context): string => {
    const wish = ctx.get('Accept-Language')
    const known = wishes.get(wish)
    if (known !== undefined) return known
    const tag = (wish !== '' && ctx.acceptsLanguages(tags)) || first
    if (wish.length <= LONGEST_WISH && wishes.size < MOST_WISHES) wishes.set(wish, tag)
    return tag
  }

  return {
    of(ctx) {
      const known = chosen.get(ctx)
      if (known !== undefined) return known
      const tag = decided(ctx) ?? asked(ctx) ?? kept(ctx) ?? preferred(ctx)
      chosen.set(ctx, tag)
      return tag
    },
    links(ctx, page = '') {
      if (!isOpen) return []
      const current = this.of(ctx)
      const others = page === '' ? othersOf(ctx) : ''
      return offered.map(({ tag, name }) => ({
        tag,
        name,
        href: `${page}?${others}${PARAMETER}=${tag}`,
        isCurrent: tag === current,
      }))
    },
    take(ctx) {
      const tag = asked(ctx)
      if (tag === undefined || isFromElsewhere(ctx)) return undefined
      // What a proxy in between speaks does not count.
      if (cookie.https) ctx.cookies.secure = true
      const attributes = { httpOnly: true, sameSite: 'lax', secure: cookie.https, signed: false } as const
      ctx.cookies.set(name, tag, { ...attributes, maxAge: KEPT })
      onChosen(ctx, tag)
      const others = othersOf(ctx).slice(0, -1)
      return ownPath(others === '' ? seenPath(ctx) : `${seenPath(ctx)}?${others}`) ?? '/'
    },
  }
}

/** What else the address of the page asks for: `next=%2Faccount%2F&`, or ''. */
function othersOf(ctx: Context): string {
  const others = queryOf(ctx)
  others.delete(PARAMETER)
  return others.size === 0 ? '' : `${others}&`
}
