import type Koa from 'koa'
import type { Middleware } from 'koa'
import { createKeyring } from './keys.js'
import { createSeal, remembering } from './web/seal.js'
import { sealedCookie } from './web/sealed-cookie.js'

/**
 * koa-session in a cookie that nobody can read or change: HttpOnly, SameSite=Lax, and with `https` (the site's public
 * address is https) also Secure with the `__Host-` prefix.
 *
 * @param keys 32 random bytes each as base64url, newest first; the older ones only open what they sealed
 */
export function sealedSession(
  app: Koa,
  { keys, https }: { keys: readonly string[]; https: boolean },
): Middleware {
  const seal = createSeal(createKeyring(keys).sealKeys('session cookie'))
  return sealedCookie(app, { seal: remembering(seal), https })
}
