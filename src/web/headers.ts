import type { Middleware } from 'koa'

const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** The headers of every answer (OWASP ASVS 5 V3.4, MDN Observatory). `https` adds HSTS, for this host alone. */
export function securityHeaders({ https }: { https: boolean }): Record<string, string> {
  return {
    'Content-Security-Policy': CONTENT_SECURITY_POLICY,
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Permissions-Policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
    // Under no-referrer browsers post `Origin: null`, and the cross-site check would have nothing to go by.
    'Referrer-Policy': 'same-origin',
    'X-Content-Type-Options': 'nosniff',
    'X-Frame-Options': 'DENY',
    ...(https && { 'Strict-Transport-Security': 'max-age=63072000' }),
  }
}

/** What keeps an answer made for one visitor out of every cache; links2 obeys `no-store` only beside `no-cache`. */
export const DYNAMIC = { 'Cache-Control': 'private, no-cache, no-store', Vary: 'HX-Request' }

/** The same for what is written in the visitor's language. */
export const SPOKEN = { ...DYNAMIC, Vary: 'HX-Request, Accept-Language, Cookie' }

/** Sets the headers before anything else can answer; static files replace those of `DYNAMIC` by their own. */
export function headers(always: Record<string, string>): Middleware {
  const all = { ...always, ...DYNAMIC }
  return (ctx, next) => {
    ctx.set(all)
    return next()
  }
}
