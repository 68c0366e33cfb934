const BASE = 'http://local.invalid'
const MAX_LENGTH = 2048

// Browsers read `//host` and `\\host` as another site, and drop tabs and line breaks before they decide.
const CONTROL = /\p{Cc}/u
const ENCODED_CONTROL = /%(?:[01][0-9a-f]|7f|c2%[89])/i
const OTHER_SITE = /\\|\/\//

// Where one should not be sent after something else: it would end the session just begun, or takes only POST.
const NO_PLACE = /\/(?:logout|verify)\/?$/

/**
 * The one judge of where a visitor may be sent: answers the path and query of a place of ours, or undefined for
 * everything that could lead elsewhere, and for `/logout/` and every `/verify/`.
 */
export function localPath(value: unknown): string | undefined {
  const path = ownPath(value)
  return path === undefined || NO_PLACE.test(decodeURIComponent(pathOf(path))) ? undefined : path
}

/**
 * The part of `localPath` that is about safety: no other host, no control characters, no encoded form of either.
 * Sources: OWASP "Unvalidated Redirects and Forwards", WHATWG URL.
 */
export function ownPath(value: unknown): string | undefined {
  if (typeof value !== 'string' || value.length > MAX_LENGTH || !value.startsWith('/')) return undefined
  const forms = decodings(pathOf(value))
  if (forms === undefined || forms.some((form) => CONTROL.test(form) || OTHER_SITE.test(form)))
    return undefined
  if (CONTROL.test(value) || ENCODED_CONTROL.test(value)) return undefined
  const { origin, pathname, search } = new URL(value, BASE)
  if (origin !== BASE || OTHER_SITE.test(pathname) || pathname.length + search.length > MAX_LENGTH)
    return undefined
  return pathname + search
}

/** The path, and what is left of it each time percent signs are decoded; undefined if that fails or goes on too long. */
function decodings(path: string): string[] | undefined {
  const forms = [path]
  try {
    for (let form = decodeURIComponent(path); form !== forms.at(-1); form = decodeURIComponent(form)) {
      if (forms.length === 5) return undefined
      forms.push(form)
    }
  } catch {
    return undefined
  }
  return forms
}

function pathOf(value: string): string {
  return value.split(/[?#]/, 1)[0] ?? ''
}
