import type { Context } from 'koa'
import { isRead, queryOf, queryText, seenPath } from './http.js'
import { ownPath } from './local-path.js'
import { cookieName } from './sealed-cookie.js'

export interface LanguageChoice {
  /** By URL, else cookie, else Accept-Language, else the first language. */
  of(ctx: Context): string
  /** Every language with the URL that shows `page` in it; empty if there is no choice. */
  links(ctx: Context, page?: string): LanguageLink[]
  /** Stores the URL's language and returns the URL without it. Undefined if none, or from another site. */
  take(ctx: Context): string | undefined
}

export interface LanguageLink {
  tag: string
  name: string
  href: string
  isCurrent: boolean
}

export interface LanguageChoiceOptions {
  /** The first is the fallback. */
  offered: readonly { tag: string; name: string }[]
  cookie: { name: string; https: boolean }
  decide?: ((ctx: Context) => string | undefined) | undefined
  isFromElsewhere: (ctx: Context) => boolean
  onChosen?: (ctx: Context, tag: string) => void
}

const PARAMETER = 'lang'
const KEPT = 365 * 24 * 60 * 60 * 1000
// Cache size for negotiated languages, keyed by Accept-Language. Bounded against floods of odd headers.
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
      // Otherwise setting a Secure cookie throws if a proxy connects over http.
      if (cookie.https) ctx.cookies.secure = true
      const attributes = { httpOnly: true, sameSite: 'lax', secure: cookie.https, signed: false } as const
      ctx.cookies.set(name, tag, { ...attributes, maxAge: KEPT })
      onChosen(ctx, tag)
      const others = othersOf(ctx).slice(0, -1)
      return ownPath(others === '' ? seenPath(ctx) : `${seenPath(ctx)}?${others}`) ?? '/'
    },
  }
}

function othersOf(ctx: Context): string {
  const others = queryOf(ctx)
  others.delete(PARAMETER)
  return others.size === 0 ? '' : `${others}&`
}
