import { createHash, randomBytes } from 'node:crypto'
import { isIP } from 'node:net'
import type { Context, Middleware } from 'koa'
import type { House, SessionLifetimes } from './house.js'
import * as sessions from './tables/sessions.js'
import type { User } from './tables/users.js'
import { newSecret } from './web/csrf.js'
import { keep, kept, setCookieLifetime } from './web/session.js'

const DAY = 24 * 60 * 60 * 1000

export const LIFETIMES: SessionLifetimes = { idle: DAY, keptIdle: 30 * DAY, max: 90 * DAY }

/** Between two notes that a session was used. */
const TOUCH_EVERY = 60 * 1000

const MAX_USER_AGENT = 512

/** Finds out who is there, for `ctx.state.user`: the cookie only names a session, the database says what it is worth. */
export function currentUser(house: House): Middleware {
  return async (ctx, next) => {
    const { login } = kept(ctx)
    const found =
      login === undefined
        ? undefined
        : await sessions.byToken(house.database.main, hashOf(login), house.now())
    if (login !== undefined && found === undefined) forgetDead(ctx)
    ctx.state.user = found?.user
    if (found !== undefined) touch(house, found.session)
    await next()
  }
}

// A copy of the cookie of a session that has ended also holds no message of it.
function forgetDead(ctx: Context): void {
  keep(ctx, { login: undefined, notice: undefined })
}

// Not waited for: the answer does not depend on it, and the next request does it again if the database was busy.
function touch(house: House, session: sessions.Session): void {
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
 * planted in this browser before is worth nothing now (session fixation, ASVS 5 7.2.4). The former session here ends.
 */
export async function logIn(
  ctx: Context,
  house: House,
  user: User,
  options: { kept: boolean },
): Promise<void> {
  const now = house.now()
  const token = randomBytes(32).toString('base64url')
  await sessions.open(house.database, {
    tokenHash: hashOf(token),
    userId: user.id,
    kept: options.kept,
    userAgent: ctx.get('User-Agent').slice(0, MAX_USER_AGENT),
    address: addressOf(ctx, house),
    now,
    expiresAt: endOf({ kept: options.kept, createdAt: now }, now, house.lifetimes),
  })
  await endFormer(ctx, house)
  keep(ctx, { login: token })
  newSecret(ctx)
  setCookieLifetime(ctx, options.kept ? house.lifetimes.max : 'session')
  ctx.state.user = user
}

/** Ends the session of this browser; a copy of its cookie is worth nothing from now on. */
export async function logOut(ctx: Context, house: House): Promise<void> {
  await endFormer(ctx, house)
  keep(ctx, { login: undefined, csrf: undefined, notice: undefined })
  ctx.state.user = undefined
}

async function endFormer(ctx: Context, house: House): Promise<void> {
  const { login } = kept(ctx)
  if (login !== undefined) await sessions.close(house.database, hashOf(login))
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
const SWEEP_BATCH = 200

/** Deletes ended sessions now and every minute, in small batches between which requests are served. */
export function startSweeping({ database, log, now }: Pick<House, 'database' | 'log' | 'now'>): () => void {
  const sweep = async () => {
    const swept = await sessions.sweep(database.loose, { now: now(), batch: SWEEP_BATCH })
    if (swept === SWEEP_BATCH) setImmediate(run)
  }
  const run = () => {
    sweep().catch((error: unknown) => log.debug({ err: error }, 'ended sessions not swept'))
  }
  const timer = setInterval(run, SWEEP_EVERY).unref()
  run()
  return () => clearInterval(timer)
}
