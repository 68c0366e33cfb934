import { randomUUID } from 'node:crypto'
import type { Context, Middleware } from 'koa'
import { happens } from '../accounts/history.js'
import type { Lifetimes } from '../accounts/lifetimes.js'
import { circumstancesOf } from '../accounts/origin.js'
import { MINUTE } from '../base/durations.js'
import { hashOf, newDeviceId, newDeviceStamp, newToken } from '../secrets/token.js'
import * as mails from '../tables/mails.js'
import type { Db } from '../tables/schema.js'
import * as sessions from '../tables/sessions.js'
import * as tokens from '../tables/tokens.js'
import type { Account, User } from '../tables/users.js'
import * as users from '../tables/users.js'
import { textFields } from '../web/form.js'
import { isRead } from '../web/http.js'
import { changeSessionId, forget, openNotes, shed } from '../web/session.js'
import { fingerprint } from '../web/submit.js'
import { userAgentOf } from '../web/user-agent.js'
import type { Gatehouse } from './gatehouse.js'
import { isJump, noteJump } from './jumps.js'
import { forgetDevice, knownDevices, rememberDevice } from './known-devices.js'
import { loginOf, sessionOf, setLogin, userOf } from './logins.js'
import { originOf } from './origin.js'

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

function hashOfToken(ctx: Context, gatehouse: Gatehouse): string | undefined {
  const carried = gatehouse.loginCookie.read(ctx)
  return carried && hashOf(carried.token)
}

// A cookie whose session has ended stays as it is: another tab may have put a new login in its place meanwhile.
async function look(ctx: Context, gatehouse: Gatehouse): Promise<sessions.Login | undefined> {
  const hash = hashOfToken(ctx, gatehouse)
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
  const expiresAt = endOf(session, now, gatehouse.lifetimes)
  const use = { id: session.id, now, expiresAt, address: gatehouse.address(ctx), userAgent: userAgentOf(ctx) }
  if (isJump(trail, use)) return noteJump(ctx, gatehouse, found, use)
  if (now - session.lastSeenAt < Math.min(TOUCH_EVERY, gatehouse.lifetimes.idle / 2)) return
  // That it was used is not waited for: the next request notes it again if the database was busy.
  sessions
    .touch(gatehouse.database.loose, use)
    .catch((error: unknown) => gatehouse.log.debug({ err: error }, 'last seen not noted'))
}

function endOf(session: { kept: boolean; createdAt: number }, now: number, lifetimes: Lifetimes): number {
  const idle = session.kept ? lifetimes.keptIdle : lifetimes.idle
  return Math.min(now + idle, session.createdAt + lifetimes.max)
}

/**
 * Begins a session for a user who has proved who they are. Always a new token, and a new CSRF secret: what somebody
 * planted in this browser before is worth nothing now (session fixation, ASVS 5 7.2.4). The former session here ends,
 * and a form that has come twice goes on with the session that it has begun, of which nobody is told again.
 * An account that was closed is open again, which is answered. Answers undefined if the password was changed, or the account
 * closed, since it was looked at: a login on its way must not outlive what ends all logins. With `isNew`, the account was made in
 * this browser just now, and no mail tells its owner of a new device.
 */
export async function logIn(
  ctx: Context,
  gatehouse: Gatehouse,
  account: Account,
  options: { kept: boolean; form: string; isNew: boolean },
): Promise<{ isReopened: boolean } | undefined> {
  const { user, deviceStamp } = account
  const now = gatehouse.now()
  const token = newToken()
  const known = knownDevices(ctx, gatehouse)(account)
  const device = known ?? newDeviceId()
  const session = {
    id: randomUUID(),
    tokenHash: hashOf(token),
    userId: user.id,
    kept: options.kept,
    loginForm: options.form,
    device,
    userAgent: userAgentOf(ctx),
    address: gatehouse.address(ctx),
    now,
    expiresAt: endOf({ kept: options.kept, createdAt: now }, now, gatehouse.lifetimes),
  }
  const isStranger = known === undefined && !options.isNew
  const isReopened = account.closedAt !== null && (await reopen(ctx, gatehouse, user))
  let opened: Awaited<ReturnType<typeof sessions.open>>
  await happens(
    originOf(ctx, gatehouse),
    gatehouse,
    { kind: 'logged_in', userId: user.id },
    async (transaction) => {
      opened = await sessions.open(transaction, session, { deviceStamp, insteadOf: sessionOf(ctx)?.id })
      // Of a form that has come twice everything was told the first time.
      if (!opened?.isNew) return undefined
      const language = gatehouse.languageOf(ctx)
      // Whoever comes on a new device may be a thief: what the owner is told of that stays in the owner's language.
      if (language !== account.language && (!isStranger || account.language === null)) {
        await users.setLanguage(transaction, user.id, language)
      }
      if (isStranger) {
        const facts = { to: user.email, ...circumstancesOf(originOf(ctx, gatehouse), gatehouse) }
        await gatehouse.outbox.post(transaction, { kind: 'login-new-device', userId: user.id, facts })
      }
      return true
    },
  )
  if (opened === undefined) return undefined
  const begun = begunOf({ ...session, id: opened.id })
  gatehouse.halfLoginCookie.clear(ctx)
  gatehouse.loginCookie.begin(ctx, token, lifetimeOf(begun, gatehouse))
  gatehouse.csrf.forget(ctx)
  await changeSessionId(ctx)
  rememberDevice(ctx, gatehouse, { userId: user.id, stamp: deviceStamp, device })
  setLogin(ctx, { session: begun, user })
  return { isReopened }
}

function begunOf({ id, kept, now, expiresAt }: sessions.NewSession): sessions.Session {
  return { id, kept, createdAt: now, lastSeenAt: now, authenticatedAt: now, expiresAt }
}

/** Writes to the user of this session, if there is one, in the language that was chosen just now. Not waited for. */
export function noteLanguage(ctx: Context, gatehouse: Gatehouse, language: string): void {
  const user = userOf(ctx)
  if (user === undefined) return
  users
    .setLanguage(gatehouse.database.loose, user.id, language)
    .catch((error: unknown) => gatehouse.log.debug({ err: error }, 'language not noted'))
}

/** Opens an account that its owner had closed; answers whether it was this that did it. */
export async function reopen(ctx: Context, gatehouse: Gatehouse, user: User): Promise<boolean> {
  const reopened = await happens(
    originOf(ctx, gatehouse),
    gatehouse,
    { kind: 'account_reopened', userId: user.id },
    async (transaction) => {
      await tokens.useAll(transaction, user.id, 'account-reopen', gatehouse.now())
      await mails.cancel(transaction, user.id, ['account-closed'])
      return (await users.reopen(transaction, user.id, gatehouse.now())) || undefined
    },
  )
  return reopened ?? false
}

/**
 * Notes that the user of this session has proved again who they are; with a new token, for the session may do more now
 * (ASVS 5 7.2.4). Of a button pressed twice the last answer's token counts, like at login.
 */
export async function confirmLogin(
  ctx: Context,
  gatehouse: Gatehouse,
  { user, form }: { user: User; form: string },
): Promise<void> {
  const renewal = renewalOf(ctx, gatehouse, { form })
  const owned = { id: loginOf(ctx).session.id, userId: user.id }
  if (await sessions.isOfForm(gatehouse.database.main, owned, form)) {
    if (await gatehouse.database.write(renewal.store)) await renewal.carry()
    return
  }
  const renewed = await happens(
    originOf(ctx, gatehouse),
    gatehouse,
    { kind: 'password_confirmed', userId: user.id },
    async (transaction) => (await renewal.store(transaction)) || undefined,
  )
  if (renewed) await renewal.carry()
}

/** Another token for this session, to be stored with what it is for, and kept once that is committed. */
export interface Renewal {
  /** Answers false if the session has ended. */
  store(transaction: Db): Promise<boolean>
  carry(): Promise<void>
}

export function renewalOf(ctx: Context, gatehouse: Gatehouse, { form }: { form: string }): Renewal {
  const { session, user } = loginOf(ctx)
  const token = newToken()
  const hashes = {
    formerHash: hashOfToken(ctx, gatehouse) ?? '',
    tokenHash: hashOf(token),
    now: gatehouse.now(),
    form,
  }
  return {
    store: (transaction) => sessions.renew(transaction, { id: session.id, userId: user.id }, hashes),
    carry: async () => {
      gatehouse.loginCookie.renew(ctx, token, lifetimeOf(session, gatehouse))
      await changeSessionId(ctx)
    },
  }
}

export const LOGGED_OUT = { code: 'logged_out', sentence: 'You are logged out.' }

/**
 * Ends the session of this browser; a copy of its cookie is worth nothing from now on. With `forget` the browser is a
 * stranger to the account afterwards, and so is a copy of its device cookie.
 */
export async function logOut(
  ctx: Context,
  gatehouse: Gatehouse,
  { forget }: { forget: boolean },
): Promise<void> {
  const session = sessionOf(ctx)
  const user = userOf(ctx)
  if (session !== undefined && user !== undefined) {
    const owned = { id: session.id, userId: user.id }
    await happens(
      originOf(ctx, gatehouse),
      gatehouse,
      { kind: 'logged_out', userId: user.id },
      async (transaction) =>
        forget
          ? endDevice(transaction, owned)
          : (await sessions.close(transaction, owned)) !== undefined || undefined,
    )
    if (forget) forgetDevice(ctx, gatehouse, user.id)
  }
  await forgetLogin(ctx, gatehouse)
}

/** Ends a session and makes a stranger of its browser; answers undefined if it had ended before. */
export async function endDevice(transaction: Db, owned: sessions.Owned): Promise<true | undefined> {
  const device = await sessions.close(transaction, owned)
  if (device === undefined) return undefined
  await users.endDevice(transaction, owned.userId, { device, otherStamp: newDeviceStamp() })
  return true
}

/** Lets go of a login that has ended: nothing of it stays in this browser. */
export async function forgetLogin(ctx: Context, gatehouse: Gatehouse): Promise<void> {
  setLogin(ctx, undefined)
  gatehouse.loginCookie.end(ctx)
  gatehouse.csrf.forget(ctx)
  gatehouse.halfLoginCookie.clear(ctx)
  forget(ctx)
  await changeSessionId(ctx)
}

/** How long its cookie may yet outlive the browser, if its user asked for that. */
function lifetimeOf(
  { kept, createdAt }: sessions.Session,
  { lifetimes, now }: Gatehouse,
): { maxAge: number } | undefined {
  return kept ? { maxAge: createdAt + lifetimes.max - now() } : undefined
}
