import type Koa from 'koa'
import type { Middleware } from 'koa'
import { createKeyring } from '../secrets/keyring.js'
import { createSeal, remembering } from '../secrets/seal.js'
import { COOKIE_NAME, COOKIE_NAME_RULE, isCookieName } from './sealed-cookie.js'
import { sealedCookie } from './session-cookie.js'

/**
 * koa-session in a cookie that nobody can read or change: HttpOnly, SameSite=Lax, and with `https` (the site's public
 * address is https) also Secure with the `__Host-` prefix.
 *
 * @param keys 32 random bytes each as base64url, newest first; the older ones only open what they sealed
 * @param name begins the cookie's name, `<name>-notes`, as the option `cookieName` begins the others; `gatehouse` by default
 */
export function sealedSession(
  app: Koa,
  { keys, https, name = COOKIE_NAME }: { keys: readonly string[]; https: boolean; name?: string },
): Middleware {
  if (!isCookieName(name)) throw new Error(`The name of a sealedSession has to be ${COOKIE_NAME_RULE}.`)
  const seal = createSeal(createKeyring(keys).sealKeys('session cookie'))
  return sealedCookie(app, { seal: remembering(seal), https, name: `${name}-notes` })
}
