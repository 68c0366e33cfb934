import type { Context, Middleware } from 'koa'
import { sessionEnd } from '../accounts/lifetimes.js'
import { MINUTE } from '../base/durations.js'
import * as sessions from '../tables/sessions.js'
import * as users from '../tables/users.js'
import { textFields } from '../web/form.js'
import { isRead } from '../web/http.js'
import { openNotes, shed } from '../web/session.js'
import { fingerprint } from '../web/submit.js'
import { userAgentOf } from '../web/user-agent.js'
import type { Gatehouse } from './gatehouse.js'
import { isJump, noteJump } from './jumps.js'
import { tokenHashIn } from './login-cookie.js'
import { setLogin, userOf } from './logins.js'

/** Between two notes that a session was used. */
const TOUCH_EVERY = MINUTE

/** What a session that is full can do without: what was typed before a login. */
const OPTIONAL = ['typed']

/** Finds out who is there, for `ctx.state.user`: the cookie only names a session, the database says what it is worth. */
export function currentUser(gatehouse: Gatehouse): Middleware {
  return async (ctx, next) => {
    openNotes(ctx, gatehouse.now)
    setLogin(ctx, await look(ctx, gatehouse))
    try {
      await next()
    } finally {
      shed(ctx, OPTIONAL)
    }
  }
}

// A cookie whose session has ended stays as it is: another tab may have put a new login in its place meanwhile.
async function look(ctx: Context, gatehouse: Gatehouse): Promise<sessions.Login | undefined> {
  const hash = tokenHashIn(ctx, gatehouse)
  if (hash === undefined) return undefined
  const now = gatehouse.now()
  const { main } = gatehouse.database
  const found =
    (await sessions.byToken(main, hash, now)) ??
    (await sessions.byFormerToken(main, hash, { now, form: formOf(ctx, gatehouse) }))
  if (found !== undefined) await noteUse(ctx, gatehouse, found)
  return found
}

// Of a form of ours that was sent; it cannot be guessed, for it is made of the visitor's secret.
function formOf(ctx: Context, gatehouse: Gatehouse): string | undefined {
  const { _once } = isRead(ctx) ? {} : textFields(ctx)
  return _once === undefined ? undefined : fingerprint(ctx, gatehouse, { _once, _csrf: '' })
}

async function noteUse(ctx: Context, gatehouse: Gatehouse, found: sessions.Found): Promise<void> {
  const { session, trail } = found
  const now = gatehouse.now()
  const expiresAt = sessionEnd(session, now, gatehouse.lifetimes)
  const use = { id: session.id, now, expiresAt, address: gatehouse.address(ctx), userAgent: userAgentOf(ctx) }
  if (isJump(trail, use)) return noteJump(ctx, gatehouse, found, use)
  if (now - session.lastSeenAt < Math.min(TOUCH_EVERY, gatehouse.lifetimes.idle / 2)) return
  // That it was used is not waited for: the next request notes it again if the database was busy.
  sessions
    .touch(gatehouse.database.loose, use)
    .catch((error: unknown) => gatehouse.log.debug({ err: error }, 'last seen not noted'))
}

/** Writes to the user of this session, if there is one, in the language that was chosen just now. Not waited for. */
export function noteLanguage(ctx: Context, gatehouse: Gatehouse, language: string): void {
  const user = userOf(ctx)
  if (user === undefined) return
  users
    .setLanguage(gatehouse.database.loose, user.id, language)
    .catch((error: unknown) => gatehouse.log.debug({ err: error }, 'language not noted'))
}
