import type { Context } from 'koa'
import { isRead, queryOf, queryText, seenPath } from './http.js'
import { ownPath } from './local-path.js'
import { type CookieOptions, cookieName } from './sealed-cookie.js'

export interface LanguageChoice {
  /** Looks at the URL, then the cookie, then Accept-Language. Otherwise returns the first language. */
  of(ctx: Context): string
  /** Returns every language with the URL of `page` in it, or nothing if there is no choice. */
  links(ctx: Context, page?: string): readonly LanguageLink[]
  /** Stores the language in the URL and returns the URL without it. Undefined if none, or from another site. */
  take(ctx: Context): string | undefined
}

export interface LanguageLink {
  tag: string
  name: unknown
  href: string
  isCurrent: boolean
}

export interface LanguageChoiceOptions {
  /** The first is the fallback. */
  offered: readonly Pick<LanguageLink, 'tag' | 'name'>[]
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
  const { offered, cookie, isFromElsewhere, onChosen = () => {} } = options
  const { isOpen, fromApp, fromUrl, fromCookie, fromHeader } = sources(options)
  const chosen = new WeakMap<Context, string>()
  const linksTo = (path: string, current: string): readonly LanguageLink[] =>
    offered.map(({ tag, name }) => ({
      tag,
      name,
      href: `${path}${PARAMETER}=${tag}`,
      isCurrent: tag === current,
    }))
  const withoutQuery = new Map(offered.map(({ tag }) => [tag, linksTo('?', tag)]))

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
      const path = `${page}?${page === '' ? otherParametersOf(ctx) : ''}`
      return (path === '?' ? withoutQuery.get(current) : undefined) ?? linksTo(path, current)
    },
    take(ctx) {
      const tag = fromUrl(ctx)
      if (tag === undefined || isFromElsewhere(ctx)) return undefined
      keep(ctx, tag, cookie)
      onChosen(ctx, tag)
      const otherParameters = otherParametersOf(ctx).slice(0, -1)
      return ownPath(otherParameters === '' ? seenPath(ctx) : `${seenPath(ctx)}?${otherParameters}`) ?? '/'
    },
  }
}

/** Where the language of a request may be said. Each returns an offered language, or undefined. */
function sources({ offered, cookie, decide }: LanguageChoiceOptions) {
  const tags = offered.map(({ tag }) => tag)
  const known = new Set<unknown>(tags)
  const ifKnown = (tag: string | undefined) => (known.has(tag) ? tag : undefined)
  const isOpen = decide === undefined && tags.length > 1
  const name = cookieName(cookie.name, cookie)
  return {
    isOpen,
    fromApp: (ctx: Context) => ifKnown(decide?.(ctx)),
    fromUrl(ctx: Context): string | undefined {
      if (!isOpen || !isRead(ctx) || !ctx.querystring.includes(PARAMETER)) return undefined
      return ifKnown(queryText(ctx, PARAMETER))
    },
    fromCookie: (ctx: Context) => (isOpen ? ifKnown(ctx.cookies.get(name, { signed: false })) : undefined),
    fromHeader: negotiation(tags),
  }
}

/** Returns the best of the languages for `Accept-Language`, else the first. */
function negotiation(tags: readonly string[]): (ctx: Context) => string {
  const [first = 'en'] = tags
  const negotiated = new Map<string, string>()
  return (ctx) => {
    const accepted = ctx.get('Accept-Language')
    const known = negotiated.get(accepted)
    if (known !== undefined) return known
    const tag = (accepted !== '' && ctx.acceptsLanguages([...tags])) || first
    if (accepted.length <= MAX_HEADER_LENGTH && negotiated.size < MAX_CACHED) negotiated.set(accepted, tag)
    return tag
  }
}

function keep(ctx: Context, tag: string, { name, path, https }: CookieOptions): void {
  if (https) ctx.cookies.secure = true
  const attributes = { httpOnly: true, sameSite: 'lax', path, secure: https, signed: false } as const
  ctx.cookies.set(cookieName(name, { path, https }), tag, { ...attributes, maxAge: COOKIE_LIFETIME })
}

function otherParametersOf(ctx: Context): string {
  if (ctx.querystring === '') return ''
  const otherParameters = queryOf(ctx)
  otherParameters.delete(PARAMETER)
  return otherParameters.size === 0 ? '' : `${otherParameters}&`
}
