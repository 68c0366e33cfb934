import { randomUUID } from 'node:crypto'
import type { Context } from 'koa'
import { reopen } from '../accounts/closing.js'
import { happens } from '../accounts/history.js'
import { sessionEnd } from '../accounts/lifetimes.js'
import { circumstancesOf } from '../accounts/origin.js'
import { hashOf, newDeviceId, newDeviceStamp, newToken } from '../secrets/token.js'
import type { Db } from '../tables/schema.js'
import * as sessions from '../tables/sessions.js'
import type { Account, User } from '../tables/users.js'
import * as users from '../tables/users.js'
import { changeSessionId, forget } from '../web/session.js'
import { userAgentOf } from '../web/user-agent.js'
import type { Gatehouse } from './gatehouse.js'
import { forgetDevice, knownDevices, rememberDevice } from './known-devices.js'
import { tokenHashIn } from './login-cookie.js'
import { loginOf, sessionOf, setLogin, userOf } from './logins.js'
import { originOf } from './origin.js'

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
  const known = knownDevices(ctx, gatehouse)(account)
  const token = newToken()
  const session = newSession(ctx, gatehouse, account, { ...options, token, device: known ?? newDeviceId() })
  const isReopened =
    account.closedAt !== null && (await reopen(originOf(ctx, gatehouse), gatehouse, account.user.id))
  const isStranger = known === undefined && !options.isNew
  const id = await open(ctx, gatehouse, account, session, { isStranger })
  if (id === undefined) return undefined
  await carry(ctx, gatehouse, account, { ...session, id }, token)
  return { isReopened }
}

function newSession(
  ctx: Context,
  { address, lifetimes, now: clock }: Gatehouse,
  { user }: Account,
  { kept, form, token, device }: { kept: boolean; form: string; token: string; device: string },
): sessions.NewSession {
  const now = clock()
  return {
    id: randomUUID(),
    tokenHash: hashOf(token),
    userId: user.id,
    kept,
    loginForm: form,
    device,
    userAgent: userAgentOf(ctx),
    address: address(ctx),
    now,
    expiresAt: sessionEnd({ kept, createdAt: now }, now, lifetimes),
  }
}

/** Stores the session with what is told of it, and answers its id; undefined if the account is another by now. */
async function open(
  ctx: Context,
  gatehouse: Gatehouse,
  account: Account,
  session: sessions.NewSession,
  { isStranger }: { isStranger: boolean },
): Promise<string | undefined> {
  const origin = originOf(ctx, gatehouse)
  const { user, deviceStamp } = account
  let opened: Awaited<ReturnType<typeof sessions.open>>
  await happens(origin, gatehouse, { kind: 'logged_in', userId: user.id }, async (transaction) => {
    opened = await sessions.open(transaction, session, { deviceStamp, insteadOf: sessionOf(ctx)?.id })
    // Of a form that has come twice everything was told the first time.
    if (!opened?.isNew) return undefined
    // Whoever comes on a new device may be a thief: what the owner is told of that stays in the owner's language.
    const language = gatehouse.languageOf(ctx)
    if (language !== account.language && (!isStranger || account.language === null)) {
      await users.setLanguage(transaction, user.id, language)
    }
    if (isStranger) {
      const facts = { to: user.email, ...circumstancesOf(origin, gatehouse) }
      await gatehouse.outbox.post(transaction, { kind: 'login-new-device', userId: user.id, facts })
    }
    return true
  })
  return opened?.id
}

/** Lets this browser carry the session that has begun; nothing is half done after that. */
async function carry(
  ctx: Context,
  gatehouse: Gatehouse,
  { user, deviceStamp }: Account,
  session: sessions.NewSession,
  token: string,
): Promise<void> {
  const begun = begunOf(session)
  gatehouse.halfLoginCookie.clear(ctx)
  gatehouse.loginCookie.begin(ctx, token, lifetimeOf(begun, gatehouse))
  gatehouse.csrf.forget(ctx)
  await changeSessionId(ctx)
  rememberDevice(ctx, gatehouse, { userId: user.id, stamp: deviceStamp, device: session.device })
  setLogin(ctx, { session: begun, user })
}

function begunOf({ id, kept, now, expiresAt }: sessions.NewSession): sessions.Session {
  return { id, kept, createdAt: now, lastSeenAt: now, authenticatedAt: now, expiresAt }
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
    formerHash: tokenHashIn(ctx, gatehouse) ?? '',
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
