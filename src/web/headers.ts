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

/** For what is no page, even if a browser opens it as one. */
export const NOTHING_LOADED = "default-src 'none'; frame-ancestors 'none'"

// OWASP ASVS 5 V3.4 and MDN Observatory. HSTS covers this host only.
export function securityHeaders({ https }: { https: boolean }): Record<string, string> {
  return {
    'Content-Security-Policy': CONTENT_SECURITY_POLICY,
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Permissions-Policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
    // With no-referrer browsers post `Origin: null`, which the cross-site check cannot judge.
    'Referrer-Policy': 'same-origin',
    'X-Content-Type-Options': 'nosniff',
    'X-Frame-Options': 'DENY',
    ...(https && { 'Strict-Transport-Security': 'max-age=63072000' }),
  }
}

// Keeps personal pages out of every cache. links2 obeys `no-store` only with `no-cache`.
export const DYNAMIC = { 'Cache-Control': 'private, no-cache, no-store', Vary: 'HX-Request' }

export const LOCALIZED = { ...DYNAMIC, Vary: 'HX-Request, Accept-Language, Cookie' }

export function headers(always: Record<string, string>): Middleware {
  const all = { ...always, ...DYNAMIC }
  return (ctx, next) => {
    ctx.set(all)
    return next()
  }
}
