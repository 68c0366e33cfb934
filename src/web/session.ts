import type { Context } from 'koa'

const KEY = 'gatehouse'
const NO_SESSION =
  'ctx.session is missing. Add a session before accounts(): app.use(session(app)) from koa-session, or sealedSession(app, …) from gatehouse.'

// Time from the last write until notes are dropped, because the cookie may be a stolen copy.
export const NOTES_LIFE = 24 * 60 * 60_000
const WRITTEN = 'at'

const clocks = new WeakMap<Context, () => number>()

export function openNotes(ctx: Context, now: () => number): void {
  clocks.set(ctx, now)
  const { [WRITTEN]: at, ...notes } = kept(ctx)
  if (Object.keys(notes).length > 0 && !isYoung(at, now())) forget(ctx)
}

function isYoung(at: unknown, now: number): boolean {
  return typeof at === 'number' && now >= at && now - at < NOTES_LIFE
}

// Creates nothing, so that visitors who need no cookie get none.
export function kept(ctx: Context): Readonly<Record<string, unknown>> {
  return { ...notesIn(ctx) }
}

function notesIn(ctx: Context): object {
  const ours: unknown = sessionOf(ctx)[KEY]
  return typeof ours === 'object' && ours !== null ? ours : {}
}

export function keptText(ctx: Context, name: string): string | undefined {
  const text: unknown = Reflect.get(notesIn(ctx), name)
  return typeof text === 'string' ? text : undefined
}

export function keep(ctx: Context, changes: Record<string, unknown>): void {
  const { [WRITTEN]: before, ...notes } = { ...kept(ctx), ...changes }
  const entries = Object.entries(notes).filter(([, value]) => value !== undefined)
  const session = sessionOf(ctx)
  const isWritten = Object.values(changes).some((value) => value !== undefined)
  const at = isWritten ? clocks.get(ctx)?.() : before
  if (entries.length > 0) session[KEY] = { ...Object.fromEntries(entries), [WRITTEN]: at }
  else delete session[KEY]
}

export function forget(ctx: Context): void {
  delete sessionOf(ctx)[KEY]
}

// Bytes of JSON above which optional notes are dropped. Browsers keep cookies of up to 4096 bytes.
const ROOM = 2_800

export function keepOptional(ctx: Context, name: string, text: string): boolean {
  keep(ctx, { [name]: text })
  if (hasRoom(ctx)) return true
  keep(ctx, { [name]: undefined })
  return false
}

// The app may have added to the session since, or ended it.
export function dropOptional(ctx: Context, optional: readonly string[]): void {
  if (!ctx.session) return
  for (const name of optional) {
    if (keptText(ctx, name) !== undefined && !hasRoom(ctx)) keep(ctx, { [name]: undefined })
  }
}

function hasRoom(ctx: Context): boolean {
  return Buffer.byteLength(JSON.stringify(sessionOf(ctx))) < ROOM
}

// Changes the ID and keeps the content, against session fixation (ASVS 5 7.2.4).
export async function changeSessionId(ctx: Context): Promise<void> {
  const session = sessionOf(ctx)
  // koa-session with a store. In a cookie there is no ID.
  if (session.externalKey !== undefined && typeof session.regenerate === 'function') {
    const { maxAge } = session
    await session.regenerate()
    // Saving once makes koa-session 7.0 forget that the cookie ends with the browser.
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
