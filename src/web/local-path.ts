const BASE = 'http://local.invalid'
const MAX_LENGTH = 2048

// Browsers read `//host` and `\\host` as another site, and drop tabs and line breaks first (WHATWG URL).
const CONTROL = /\p{Cc}/u
const ENCODED_CONTROL = /%(?:[01][0-9a-f]|7f|c2%[89])/i
const OTHER_SITE = /\\|\/\//

// Not redirect targets: the first would end the new session, the second accepts only POST.
const NO_PLACE = /\/(?:logout|verify)\/?$/

/** Returns a path with query on this site, or undefined for anything that could lead elsewhere. */
export function localPath(value: unknown): string | undefined {
  const path = ownPath(value)
  return path === undefined || NO_PLACE.test(decodeURIComponent(pathOf(path))) ? undefined : path
}

// No other host and no control characters, in any encoding (OWASP "Unvalidated Redirects and Forwards").
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

/** Returns each step of repeated percent-decoding; undefined if it fails or takes too many. */
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
