import type { Context } from 'koa'

// One key of the session is ours, so that everything else in it stays the host's.
const KEY = 'gatehouse'
const NO_SESSION =
  'Gatehouse found no ctx.session: put a session before it, for instance app.use(session(app)) of koa-session, or sealedSession(app, …) of gatehouse.'

/** So long after the last of it was written, what is kept for a visitor is worth nothing: a cookie may be a copy. */
export const NOTES_LIFE = 24 * 60 * 60_000
const WRITTEN = 'at'

const clocks = new WeakMap<Context, () => number>()

/** Begins a request: lets go of what is too old. Throws a sentence if the app has no session. */
export function openNotes(ctx: Context, now: () => number): void {
  clocks.set(ctx, now)
  const { [WRITTEN]: at, ...notes } = kept(ctx)
  if (Object.keys(notes).length > 0 && !isYoung(at, now())) forget(ctx)
}

function isYoung(at: unknown, now: number): boolean {
  return typeof at === 'number' && now >= at && now - at < NOTES_LIFE
}

/** What is kept for this visitor; nothing is created, so that a visitor who needs no cookie gets none. */
export function kept(ctx: Context): Readonly<Record<string, unknown>> {
  return { ...oursIn(ctx) }
}

function oursIn(ctx: Context): object {
  const ours: unknown = sessionOf(ctx)[KEY]
  return typeof ours === 'object' && ours !== null ? ours : {}
}

/** A text that is kept under this name. */
export function keptText(ctx: Context, name: string): string | undefined {
  const text: unknown = Reflect.get(oursIn(ctx), name)
  return typeof text === 'string' ? text : undefined
}

/** Changes what is kept; what is set to undefined is removed, and with the last of it our part of the session. */
export function keep(ctx: Context, changes: Record<string, unknown>): void {
  const { [WRITTEN]: before, ...notes } = { ...kept(ctx), ...changes }
  const entries = Object.entries(notes).filter(([, value]) => value !== undefined)
  const session = sessionOf(ctx)
  const isWritten = Object.values(changes).some((value) => value !== undefined)
  const at = isWritten ? clocks.get(ctx)?.() : before
  if (entries.length > 0) session[KEY] = { ...Object.fromEntries(entries), [WRITTEN]: at }
  else delete session[KEY]
}

/** Lets go of all that is kept for this visitor, and of nothing of the host's. */
export function forget(ctx: Context): void {
  delete sessionOf(ctx)[KEY]
}

/** What a session in a cookie may hold, as JSON, before what it can do without is left out: browsers keep 4096 bytes. */
const ROOM = 2_800

/** Keeps what helps but is not needed, if the session has room for it; answers whether it has. */
export function keepOptional(ctx: Context, name: string, text: string): boolean {
  keep(ctx, { [name]: text })
  if (hasRoom(ctx)) return true
  keep(ctx, { [name]: undefined })
  return false
}

/**
 * Leaves out what is not needed, in this order, if the session, to which others may have added, has become too long for a
 * cookie. A host may also have ended it meanwhile.
 */
export function shed(ctx: Context, optional: readonly string[]): void {
  if (!ctx.session) return
  for (const name of optional) {
    if (keptText(ctx, name) !== undefined && !hasRoom(ctx)) keep(ctx, { [name]: undefined })
  }
}

function hasRoom(ctx: Context): boolean {
  return Buffer.byteLength(JSON.stringify(sessionOf(ctx))) < ROOM
}

/**
 * Gives the app's session another id, if it has one, and leaves everything in it: whoever planted the former id in this
 * browser knows nothing of what comes (session fixation, ASVS 5 7.2.4).
 */
export async function changeSessionId(ctx: Context): Promise<void> {
  const session = sessionOf(ctx)
  // koa-session, where it has a store: in a cookie there is no id.
  if (session.externalKey !== undefined && typeof session.regenerate === 'function') {
    const { maxAge } = session
    await session.regenerate()
    // Saving once makes koa-session 7.0 forget that the cookie is to end with the browser.
    session.maxAge = maxAge
    return
  }
  // koa-generic-session, which empties the session.
  if (typeof ctx.regenerateSession === 'function') {
    const content = { ...session }
    await ctx.regenerateSession()
    Object.assign(sessionOf(ctx), content)
  }
}

function sessionOf(ctx: Context): Record<string, unknown> {
  const { session } = ctx
  if (typeof session !== 'object' || session === null) throw new Error(NO_SESSION)
  return session
}
