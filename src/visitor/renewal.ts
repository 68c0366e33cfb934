import type { Context } from 'koa'
import { orRollBack, withEvent } from '../accounts/history.js'
import { REPEAT_WINDOW } from '../accounts/lifetimes.js'
import type { Proof } from '../accounts/login-methods.js'
import { hashOf, newToken } from '../secrets/token.js'
import type { Db } from '../tables/schema.js'
import * as sessions from '../tables/sessions.js'
import type { User } from '../tables/users.js'
import * as users from '../tables/users.js'
import { changeSessionId } from '../web/session.js'
import type { Gatehouse } from './gatehouse.js'
import { rememberDevice, stayKnown } from './known-devices.js'
import { loginOf } from './logins.js'
import { originOf } from './origin.js'
import { lifetimeOf } from './session.js'

// Sets a new token, because the session may do more now (ASVS 5 7.2.4). A double click gets the same one twice.
export async function confirmLogin(
  ctx: Context,
  gatehouse: Gatehouse,
  { user, form }: { user: User; form: string },
): Promise<void> {
  const renewal = renewalOf(ctx, gatehouse, { form })
  const owned = { id: loginOf(ctx).session.id, userId: user.id }
  if (await sessions.isOfForm(gatehouse.database.main, owned, form)) {
    if (await gatehouse.database.write(renewal.store)) await renewal.setCookies()
    return
  }
  const renewed = await withEvent(
    originOf(ctx, gatehouse),
    gatehouse,
    { kind: 'password_confirmed', userId: user.id },
    async (transaction) => (await renewal.store(transaction)) || undefined,
  )
  if (renewed) await renewal.setCookies()
}

interface Confirmation {
  account: users.Account
  proof: Proof
  form: string
  kind: 'second_confirmed' | 'passkey_confirmed'
  proved: 'first' | 'second' | 'both'
}

/** Returns false if the proof was used meanwhile or the session has ended. */
export async function confirmBy(
  ctx: Context,
  gatehouse: Gatehouse,
  { account: { user, deviceStamp: stamp }, proof, form, kind, proved }: Confirmation,
): Promise<boolean> {
  const renewal = renewalOf(ctx, gatehouse, { form, proved })
  const confirmed = await withEvent(
    originOf(ctx, gatehouse),
    gatehouse,
    { kind, userId: user.id },
    async (transaction) => {
      if (!(await proof.spend(transaction))) return undefined
      orRollBack(await renewal.store(transaction))
      return true
    },
  )
  if (confirmed === undefined) return false
  proof.report()
  await renewal.setCookies()
  if (proved !== 'first') rememberDevice(ctx, gatehouse, { userId: user.id, stamp, second: true })
  return true
}

/** Gives a form that arrives twice its token, without a new proof. Returns false if it did not renew the session before. */
export async function repeatRenewal(ctx: Context, gatehouse: Gatehouse, form: string): Promise<boolean> {
  const { session, user } = loginOf(ctx)
  const { main, write } = gatehouse.database
  const renewed = { form, since: gatehouse.now() - REPEAT_WINDOW }
  if (!(await sessions.hasRenewed(main, { id: session.id, userId: user.id }, renewed))) return false
  const renewal = renewalOf(ctx, gatehouse, { form, proved: 'before' })
  if (await write(renewal.store)) await renewal.setCookies()
  return true
}

/** The same after a change that also set a new device stamp. */
export async function repeatChange(ctx: Context, gatehouse: Gatehouse, form: string): Promise<boolean> {
  const account = await users.byId(gatehouse.database.main, loginOf(ctx).user.id)
  if (account === undefined || !(await repeatRenewal(ctx, gatehouse, form))) return false
  stayKnown(ctx, gatehouse, { stamp: account.deviceStamp })
  return true
}

/** `store` runs in a transaction, `setCookies` after its commit. */
export interface Renewal {
  /** Returns false if the session has ended. */
  store(transaction: Db): Promise<boolean>
  setCookies(): Promise<void>
}

export function renewalOf(
  ctx: Context,
  gatehouse: Gatehouse,
  { form, proved = 'first' }: { form: string; proved?: sessions.Renewal['proved'] },
): Renewal {
  const { session, user } = loginOf(ctx)
  const former = gatehouse.loginCookie.read(ctx)?.token ?? newToken()
  const token = gatehouse.nextToken(former, form)
  const hashes = { formerHash: hashOf(former), tokenHash: hashOf(token), form, proved }
  const owned = { id: session.id, userId: user.id }
  return {
    // Reads the clock only now: hashing a password may take as long as the previous token still works.
    store: (transaction) => sessions.renew(transaction, owned, { ...hashes, now: gatehouse.now() }),
    setCookies: async () => {
      gatehouse.loginCookie.renew(ctx, token, lifetimeOf(session, gatehouse))
      await changeSessionId(ctx)
    },
  }
}
