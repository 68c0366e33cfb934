import { randomUUID } from 'node:crypto'
import type { Context } from 'koa'
import { reopening } from '../accounts/closing.js'
import { orRollBack, withEvent } from '../accounts/history.js'
import { sessionEnd } from '../accounts/lifetimes.js'
import { hasBoth, type Method, type Proof } from '../accounts/login-methods.js'
import { circumstancesOf } from '../accounts/origin.js'
import { hashOf, newDeviceId, newDeviceStamp, newToken } from '../secrets/token.js'
import type { Db } from '../tables/schema.js'
import * as sessions from '../tables/sessions.js'
import type { Account } from '../tables/users.js'
import * as users from '../tables/users.js'
import { changeSessionId, forget } from '../web/session.js'
import { userAgentOf } from '../web/user-agent.js'
import type { Gatehouse } from './gatehouse.js'
import { forgetDevice, knownDevices, rememberDevice, TRUST_LIFE } from './known-devices.js'
import { sessionOf, setLogin, userOf } from './logins.js'
import { originOf } from './origin.js'

interface LoginOptions {
  kept: boolean
  form: string
  isNew: boolean
  methods: readonly Method[]
  proof?: Proof | undefined
  /** Whether this browser skips the second step for a while. */
  isTrusting?: boolean
}

// A new token and CSRF secret prevent session fixation (ASVS 5 7.2.4). Returns undefined if the proof, such as a code, was used
// since. Also if the password changed or the account closed since it was read, because that ends all logins.
export async function logIn(
  ctx: Context,
  gatehouse: Gatehouse,
  account: Account,
  options: LoginOptions,
): Promise<{ isReopened: boolean } | undefined> {
  const known = knownDevices(ctx, gatehouse)(account)
  const token = tokenFor(ctx, gatehouse, account, options)
  const session = newSession(ctx, gatehouse, account, { ...options, token, device: known ?? newDeviceId() })
  const { proof, isTrusting = false } = options
  const isStranger = known === undefined && !options.isNew
  const opened = await open(ctx, gatehouse, account, session, { isStranger, proof })
  if (opened === undefined) return undefined
  proof?.report()
  await setCookies(ctx, gatehouse, account, { ...session, id: opened.id }, { token, isTrusting })
  return { isReopened: opened.isReopened }
}

// The same for both responses to a double click, of which the browser keeps one. Only the browser has the secret.
function tokenFor(
  ctx: Context,
  { csrf, nextToken }: Gatehouse,
  { user }: Account,
  { form }: LoginOptions,
): string {
  const secret = csrf.secretOf(ctx)
  return secret === '' ? newToken() : nextToken(secret, `${user.id} ${form}`)
}

function newSession(
  ctx: Context,
  { address, lifetimes, now: clock }: Gatehouse,
  { user }: Account,
  { kept, form, methods, token, device }: LoginOptions & { token: string; device: string },
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
    methods: methods
      .filter((method) => method !== 'signup')
      .sort()
      .join(' '),
    secondAt: hasBoth(methods) ? now : null,
    now,
    expiresAt: sessionEnd({ kept, createdAt: now }, now, lifetimes),
  }
}

async function open(
  ctx: Context,
  gatehouse: Gatehouse,
  account: Account,
  session: sessions.NewSession,
  { isStranger, proof }: { isStranger: boolean; proof: Proof | undefined },
): Promise<{ id: string; isReopened: boolean } | undefined> {
  const origin = originOf(ctx, gatehouse)
  const { user, deviceStamp, closedAt } = account
  const reopen = closedAt === null ? undefined : reopening(origin, gatehouse, user.id)
  let isReopened = false
  let id: string | undefined
  await withEvent(origin, gatehouse, { kind: 'logged_in', userId: user.id }, async (transaction) => {
    id = undefined
    if (proof !== undefined && !(await proof.spend(transaction))) return undefined
    isReopened = (await reopen?.store(transaction)) ?? false
    const opened = await sessions.open(transaction, session, { deviceStamp, insteadOf: sessionOf(ctx)?.id })
    orRollBack(opened !== undefined)
    // A repeated form of the second step used no new code, so it may find its session, but not begin another.
    orRollBack(!opened.isNew || session.secondAt === null || proof !== undefined)
    id = opened.id
    // A repeated form: its events and emails are stored already.
    if (!opened.isNew) return null
    await notifyOwner(transaction, ctx, gatehouse, account, { isStranger })
    return true
  })
  if (id === undefined) return undefined
  if (isReopened) reopen?.report()
  return { id, isReopened }
}

async function notifyOwner(
  transaction: Db,
  ctx: Context,
  gatehouse: Gatehouse,
  { user, language: former }: Account,
  { isStranger }: { isStranger: boolean },
): Promise<void> {
  // An unknown device may be a thief's, so emails stay in the owner's language.
  const language = gatehouse.languageOf(ctx)
  if (language !== former && (!isStranger || former === null)) {
    await users.setLanguage(transaction, user.id, language)
  }
  if (!isStranger) return
  const facts = { to: user.email, ...circumstancesOf(originOf(ctx, gatehouse), gatehouse) }
  await gatehouse.outbox.post(transaction, { kind: 'login-new-device', userId: user.id, facts })
}

async function setCookies(
  ctx: Context,
  gatehouse: Gatehouse,
  { user, deviceStamp }: Account,
  session: sessions.NewSession,
  { token, isTrusting }: { token: string; isTrusting: boolean },
): Promise<void> {
  const begun = begunOf(session)
  gatehouse.halfLoginCookie.clear(ctx)
  gatehouse.loginCookie.begin(ctx, token, lifetimeOf(begun, gatehouse))
  gatehouse.csrf.forget(ctx)
  await changeSessionId(ctx)
  rememberDevice(ctx, gatehouse, {
    userId: user.id,
    stamp: deviceStamp,
    device: session.device,
    second: session.secondAt !== null,
    ...(isTrusting && { trusted: session.now + TRUST_LIFE }),
  })
  setLogin(ctx, { session: begun, user })
}

function begunOf({ id, kept, now, secondAt, expiresAt }: sessions.NewSession): sessions.Session {
  return { id, kept, createdAt: now, lastSeenAt: now, authenticatedAt: now, secondAt, expiresAt }
}

export const LOGGED_OUT = { code: 'logged_out', sentence: 'You are logged out.' }

/** With `forget`, the device cookie of this browser and all copies of it stop working. */
export async function logOut(
  ctx: Context,
  gatehouse: Gatehouse,
  { forget }: { forget: boolean },
): Promise<void> {
  const session = sessionOf(ctx)
  const user = userOf(ctx)
  if (session !== undefined && user !== undefined) {
    const owned = { id: session.id, userId: user.id }
    await withEvent(
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

export async function endDevice(transaction: Db, owned: sessions.Owned): Promise<true | undefined> {
  await users.lock(transaction, owned.userId)
  const device = await sessions.close(transaction, owned)
  if (device === undefined) return undefined
  await users.endDevice(transaction, owned.userId, { device, otherStamp: newDeviceStamp() })
  return true
}

export async function forgetLogin(ctx: Context, gatehouse: Gatehouse): Promise<void> {
  setLogin(ctx, undefined)
  gatehouse.loginCookie.end(ctx)
  gatehouse.csrf.forget(ctx)
  gatehouse.halfLoginCookie.clear(ctx)
  forget(ctx)
  await changeSessionId(ctx)
}

export function lifetimeOf(
  { kept, createdAt }: sessions.Session,
  { lifetimes, now }: Gatehouse,
): { maxAge: number } | undefined {
  return kept ? { maxAge: createdAt + lifetimes.max - now() } : undefined
}
