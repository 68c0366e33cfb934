import type Koa from 'koa'
import type { Context, Middleware } from 'koa'
import koaSession from 'koa-session'
import type { Seal } from './seal.js'

/** What we keep in the visitor's session: one key of it, so that everything else in it stays the host's. */
export interface Kept {
  /** The secret behind the visitor's CSRF tokens. */
  csrf?: string
  /** The random token of the login; the row of its hash in the database decides what it is worth. */
  login?: string
  /** A message to be shown once, on the next whole page. */
  notice?: Notice
}

/** A message of success, with a link to where it leads. */
export interface Notice {
  text: string
  link?: { href: string; text: string }
}

const KEY = 'gatehouse'
const NO_SESSION =
  'Gatehouse found no ctx.session: put a session before it, for instance app.use(session(app)) of koa-session, or sealedSession(app, …) of gatehouse.'

/** Reads what is kept for this visitor; nothing is created, so that a visitor who needs no cookie gets none. */
export function kept(ctx: Context): Readonly<Kept> {
  const ours: unknown = sessionOf(ctx)?.[KEY]
  return typeof ours === 'object' && ours !== null ? ours : {}
}

/** Changes what is kept; a key set to undefined is removed, and with the last one our part of the session. */
export function keep(ctx: Context, changes: { [K in keyof Kept]: Kept[K] | undefined }): void {
  const session = sessionOf(ctx)
  if (session === null) return
  const entries = Object.entries({ ...kept(ctx), ...changes }).filter(([, value]) => value !== undefined)
  if (entries.length === 0) {
    delete session[KEY]
    return
  }
  session[KEY] = Object.fromEntries(entries)
}

/** Takes the once-only message out of the session. */
export function takeNotice(ctx: Context): Notice | undefined {
  const { notice } = kept(ctx)
  if (notice !== undefined) keep(ctx, { notice: undefined })
  return notice
}

/**
 * How long the cookie lives: milliseconds, or 'session' for until the browser is closed. It may be the host's cookie
 * too, so this is called at login alone.
 */
export function setCookieLifetime(ctx: Context, maxAge: number | 'session'): void {
  const session = sessionOf(ctx)
  if (session !== null) session.maxAge = maxAge
}

function sessionOf(ctx: Context): Record<string, unknown> | null {
  const session: Record<string, unknown> | null | undefined = ctx.session
  if (session === undefined) throw new Error(NO_SESSION)
  return session
}

// Browsers keep at least 4096 bytes for name, value and attributes (RFC 6265bis 5.6); a larger cookie is dropped
// silently, which would look like a login that does nothing.
const MAX_COOKIE = 4000

/** The cookie's name; browsers take a `__Host-` cookie only over https, for this host alone and for every path. */
export function cookieName({ https }: { https: boolean }): string {
  return https ? '__Host-gatehouse' : 'gatehouse'
}

/**
 * koa-session in cookie mode with everything in the cookie sealed. `https` (is the site's public address https?) fixes
 * `Secure` and the `__Host-` prefix, whatever a proxy in between says.
 */
export function sealedCookie(app: Koa, { seal, https }: { seal: Seal; https: boolean }): Middleware {
  const name = cookieName({ https })
  const session = koaSession(
    {
      key: name,
      maxAge: 'session',
      httpOnly: true,
      sameSite: 'lax',
      secure: https,
      signed: false,
      encode: (content: object) => fitting(seal.close(JSON.stringify(content), name)),
      decode: (cookie: string) => parsed(seal.open(cookie, name)),
    },
    app,
  )
  return async (ctx, next) => {
    if (https) ctx.cookies.secure = true
    await session(ctx, async () => {
      await next()
      dropEmpty(ctx, name)
    })
  }
}

function fitting(sealed: string): string {
  if (sealed.length > MAX_COOKIE)
    throw new Error(`The session is too large for a cookie (${sealed.length} bytes).`)
  return sealed
}

function parsed(content: string | undefined): unknown {
  return content === undefined ? null : JSON.parse(content)
}

// koa-session would go on sending an empty session; a visitor with nothing to remember needs no cookie.
function dropEmpty(ctx: Context, name: string): void {
  if (ctx.cookies.get(name) !== undefined && ctx.session?.populated === false) ctx.session = null
}
