import type { Context } from 'koa'
import { isRead, queryOf, queryText, seenPath } from './http.js'
import { ownPath } from './local-path.js'
import { type CookieOptions, cookieName } from './sealed-cookie.js'

export interface LanguageChoice {
  /** Looks at the URL, then the cookie, then Accept-Language. Otherwise returns the first language. */
  of(ctx: Context): string
  /** Returns every language with the URL of `page` in it, or nothing if there is no choice. */
  links(ctx: Context, page?: string): LanguageLink[]
  /** Stores the language in the URL and returns the URL without it. Undefined if none, or from another site. */
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
  cookie: CookieOptions
  decide?: ((ctx: Context) => string | undefined) | undefined
  isFromElsewhere: (ctx: Context) => boolean
  onChosen?: (ctx: Context, tag: string) => void
}

const PARAMETER = 'lang'
const COOKIE_LIFETIME = 365 * 24 * 60 * 60 * 1000
// Size of the cache of negotiated languages. Bounded, because anyone can make up headers.
const MAX_CACHED = 1_000
const MAX_HEADER_LENGTH = 200

export function createLanguageChoice(options: LanguageChoiceOptions): LanguageChoice {
  const { offered, cookie, decide, isFromElsewhere, onChosen = () => {} } = options
  const tags = offered.map(({ tag }) => tag)
  const [first = 'en'] = tags
  const known = new Set(tags)
  const isKnown = (tag: unknown): tag is string => typeof tag === 'string' && known.has(tag)
  const isOpen = decide === undefined && tags.length > 1
  const name = cookieName(cookie.name, cookie)
  const chosen = new WeakMap<Context, string>()
  const negotiated = new Map<string, string>()

  const fromUrl = (ctx: Context): string | undefined => {
    if (!isOpen || !isRead(ctx) || !ctx.querystring.includes(PARAMETER)) return undefined
    const tag = queryText(ctx, PARAMETER)
    return isKnown(tag) ? tag : undefined
  }
  const fromCookie = (ctx: Context): string | undefined => {
    const tag = isOpen ? ctx.cookies.get(name, { signed: false }) : undefined
    return isKnown(tag) ? tag : undefined
  }
  const fromApp = (ctx: Context): string | undefined => {
    const tag = decide?.(ctx)
    return isKnown(tag) ? tag : undefined
  }
  const fromHeader = (ctx: Context): string => {
    const accepted = ctx.get('Accept-Language')
    const known = negotiated.get(accepted)
    if (known !== undefined) return known
    const tag = (accepted !== '' && ctx.acceptsLanguages(tags)) || first
    if (accepted.length <= MAX_HEADER_LENGTH && negotiated.size < MAX_CACHED) negotiated.set(accepted, tag)
    return tag
  }

  return {
    of(ctx) {
      const known = chosen.get(ctx)
      if (known !== undefined) return known
      const tag = fromApp(ctx) ?? fromUrl(ctx) ?? fromCookie(ctx) ?? fromHeader(ctx)
      chosen.set(ctx, tag)
      return tag
    },
    links(ctx, page = '') {
      if (!isOpen) return []
      const current = this.of(ctx)
      const otherParameters = page === '' ? otherParametersOf(ctx) : ''
      return offered.map(({ tag, name }) => ({
        tag,
        name,
        href: `${page}?${otherParameters}${PARAMETER}=${tag}`,
        isCurrent: tag === current,
      }))
    },
    take(ctx) {
      const tag = fromUrl(ctx)
      if (tag === undefined || isFromElsewhere(ctx)) return undefined
      if (cookie.https) ctx.cookies.secure = true
      const attributes = {
        httpOnly: true,
        sameSite: 'lax',
        path: cookie.path,
        secure: cookie.https,
        signed: false,
      } as const
      ctx.cookies.set(name, tag, { ...attributes, maxAge: COOKIE_LIFETIME })
      onChosen(ctx, tag)
      const otherParameters = otherParametersOf(ctx).slice(0, -1)
      return ownPath(otherParameters === '' ? seenPath(ctx) : `${seenPath(ctx)}?${otherParameters}`) ?? '/'
    },
  }
}

function otherParametersOf(ctx: Context): string {
  const otherParameters = queryOf(ctx)
  otherParameters.delete(PARAMETER)
  return otherParameters.size === 0 ? '' : `${otherParameters}&`
}
