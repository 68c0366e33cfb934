import type { Context, Middleware } from 'koa'
import { sessionEnd } from '../accounts/lifetimes.js'
import { MINUTE } from '../base/durations.js'
import * as sessions from '../tables/sessions.js'
import * as users from '../tables/users.js'
import { textFields } from '../web/form.js'
import { isRead } from '../web/http.js'
import { dropOptional, openNotes } from '../web/session.js'
import { fingerprint } from '../web/submit.js'
import { userAgentOf } from '../web/user-agent.js'
import type { Gatehouse } from './gatehouse.js'
import { isJump, noteJump } from './jumps.js'
import { tokenHashIn } from './login-cookie.js'
import { setLogin, userOf } from './logins.js'

const TOUCH_EVERY = MINUTE

const OPTIONAL = ['typed', 'newcomer']

export function currentUser(gatehouse: Gatehouse): Middleware {
  return async (ctx, next) => {
    openNotes(ctx, gatehouse.now)
    setLogin(ctx, await look(ctx, gatehouse))
    try {
      await next()
    } finally {
      dropOptional(ctx, OPTIONAL)
    }
  }
}

// Does not clear the cookie of an ended session, because another tab may just have replaced it.
async function look(ctx: Context, gatehouse: Gatehouse): Promise<sessions.Login | undefined> {
  const hash = tokenHashIn(ctx, gatehouse)
  if (hash === undefined) return undefined
  const now = gatehouse.now()
  const { main } = gatehouse.database
  const found =
    (await sessions.byToken(main, hash, now)) ??
    (await sessions.byFormerToken(main, hash, { now, form: fingerprintOf(ctx, gatehouse) }))
  if (found !== undefined) await noteUse(ctx, gatehouse, found)
  return found
}

function fingerprintOf(ctx: Context, gatehouse: Gatehouse): string | undefined {
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
  // Not awaited: the next request tries again if the database is busy.
  sessions
    .touch(gatehouse.database.loose, use)
    .catch((error: unknown) => gatehouse.log.debug({ err: error }, 'could not save last-seen time'))
}

export function noteLanguage(ctx: Context, gatehouse: Gatehouse, language: string): void {
  const user = userOf(ctx)
  if (user === undefined) return
  users
    .setLanguage(gatehouse.database.loose, user.id, language)
    .catch((error: unknown) => gatehouse.log.debug({ err: error }, 'could not save language'))
}
