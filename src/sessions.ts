import { createHash, randomBytes } from 'node:crypto'
import { isIP } from 'node:net'
import type { Context, Middleware } from 'koa'
import type { House, SessionLifetimes } from './house.js'
import * as sessions from './tables/sessions.js'
import type { User } from './tables/users.js'
import { newSecret } from './web/csrf.js'
import { keep, kept, keptText, setCookieLifetime } from './web/session.js'

const DAY = 24 * 60 * 60 * 1000

export const LIFETIMES: SessionLifetimes = { idle: DAY, keptIdle: 30 * DAY, max: 90 * DAY }

/** Between two notes that a session was used. */
const TOUCH_EVERY = 60 * 1000

const MAX_USER_AGENT = 512

// In the sealed cookie: the token of the login, and whether the cookie was made to outlive the browser.
const TOKEN = 'login'
const LONG = 'long'

const live = new WeakMap<Context, sessions.Session>()

/** The session of the user who is logged in, for those who need to know more of it than whose it is. */
export function sessionOf(ctx: Context): sessions.Session | undefined {
  return live.get(ctx)
}

/** Finds out who is there, for `ctx.state.user`: the cookie only names a session, the database says what it is worth. */
export function currentUser(house: House): Middleware {
  return async (ctx, next) => {
    const token = keptText(ctx, TOKEN)
    const found =
      token === undefined
        ? undefined
        : await sessions.byToken(house.database.main, hashOf(token), house.now())
    if (token !== undefined && found === undefined) forgetDead(ctx)
    if (found !== undefined) recognize(ctx, house, found.session)
    ctx.state.user = found?.user
    await next()
  }
}

// A copy of the cookie of a session that has ended also holds no message of it.
function forgetDead(ctx: Context): void {
  keep(ctx, { [TOKEN]: undefined, notice: undefined })
}

// That it was used is not waited for: the next request notes it again if the database was busy.
function recognize(ctx: Context, house: House, session: sessions.Session): void {
  live.set(ctx, session)
  const now = house.now()
  if (now - session.lastSeenAt < TOUCH_EVERY) return
  const expiresAt = endOf(session, now, house.lifetimes)
  sessions
    .touch(house.database.loose, { tokenHash: session.tokenHash, now, expiresAt })
    .catch((error: unknown) => house.log.debug({ err: error }, 'last seen not noted'))
}

function endOf(
  session: { kept: boolean; createdAt: number },
  now: number,
  lifetimes: SessionLifetimes,
): number {
  const idle = session.kept ? lifetimes.keptIdle : lifetimes.idle
  return Math.min(now + idle, session.createdAt + lifetimes.max)
}

/**
 * Begins a session for a user who has proved who they are. Always a new token, and a new CSRF secret: what somebody
 * planted in this browser before is worth nothing now (session fixation, ASVS 5 7.2.4). The former session here ends,
 * and so does the one that the same form has begun: of a button pressed twice the browser keeps the last answer alone.
 */
export async function logIn(
  ctx: Context,
  house: House,
  user: User,
  options: { kept: boolean; form: string },
): Promise<void> {
  const now = house.now()
  const token = randomBytes(32).toString('base64url')
  const session = {
    tokenHash: hashOf(token),
    userId: user.id,
    kept: options.kept,
    loginForm: options.form,
    userAgent: ctx.get('User-Agent').slice(0, MAX_USER_AGENT),
    address: addressOf(ctx, house),
    now,
    expiresAt: endOf({ kept: options.kept, createdAt: now }, now, house.lifetimes),
  }
  await sessions.open(house.database, session, { insteadOf: sessionOf(ctx)?.tokenHash })
  setLifetime(ctx, options.kept ? house.lifetimes.max : undefined)
  keep(ctx, { [TOKEN]: token })
  newSecret(ctx)
  ctx.state.user = user
}

/** Ends the session of this browser; a copy of its cookie is worth nothing from now on. */
export async function logOut(ctx: Context, house: House): Promise<void> {
  const session = sessionOf(ctx)
  if (session !== undefined) await sessions.close(house.database, session.tokenHash)
  live.delete(ctx)
  setLifetime(ctx, undefined)
  keep(ctx, { [TOKEN]: undefined, csrf: undefined, notice: undefined })
  ctx.state.user = undefined
}

// A cookie that ends with the browser is what sessions begin with: only a longer life is set, and taken back.
function setLifetime(ctx: Context, maxAge: number | undefined): void {
  if (maxAge !== undefined || kept(ctx)[LONG] !== undefined) setCookieLifetime(ctx, maxAge ?? 'session')
  keep(ctx, { [LONG]: maxAge === undefined ? undefined : 1 })
}

// The token has 256 random bits, so a fast hash is enough to keep the database from opening sessions.
function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('base64url')
}

// What a proxy forwarded is only stored when it is an address.
function addressOf(ctx: Context, house: House): string {
  const address = house.address(ctx)
  return isIP(address) === 0 ? (ctx.req.socket.remoteAddress ?? '') : address
}

const SWEEP_EVERY = 60 * 1000
const SWEEP_RETRY = 1000
const SWEEP_PAUSE = 20
const SWEEP_BATCH = 200

/** Deletes ended sessions now and every minute, in small batches between which requests are served. */
export function startSweeping({ database, log, now }: Pick<House, 'database' | 'log' | 'now'>): () => void {
  let stopped = false
  let timer: NodeJS.Timeout
  const sweepIn = (delay: number) => {
    if (!stopped) timer = setTimeout(sweep, delay).unref()
  }
  const sweep = () => {
    sessions.sweep(database.loose, { now: now(), batch: SWEEP_BATCH }).then(
      (swept) => sweepIn(swept === SWEEP_BATCH ? SWEEP_PAUSE : SWEEP_EVERY),
      (error: unknown) => {
        log.debug({ err: error }, 'ended sessions not swept')
        sweepIn(SWEEP_RETRY)
      },
    )
  }
  sweepIn(0)
  return () => {
    stopped = true
    clearTimeout(timer)
  }
}
