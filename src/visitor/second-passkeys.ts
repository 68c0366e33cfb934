import type { Context } from 'koa'
import { turnOnByPasskey } from '../accounts/second-passkeys.js'
import { lacksSecond } from '../accounts/second-rule.js'
import type { Account } from '../tables/users.js'
import * as users from '../tables/users.js'
import type { Gatehouse } from './gatehouse.js'
import { stayKnown } from './known-devices.js'
import { loginOf, setLogin } from './logins.js'
import { originOf } from './origin.js'
import { relyingPartyOf } from './passkeys.js'

/** Turns on two-step verification if the rule requires it and a passkey of the account meets it. Returns the account as it is then. */
export async function withSecondStep(ctx: Context, gatehouse: Gatehouse, account: Account): Promise<Account> {
  const rpId = relyingPartyOf(ctx, gatehouse)?.id
  if (rpId === undefined || !lacksSecond(gatehouse, account.user)) return account
  const outcome = await turnOnByPasskey(originOf(ctx, gatehouse), gatehouse, account.user, { rpId })
  return (outcome && (await users.byId(gatehouse.database.main, account.user.id))) ?? account
}

/** The same for the logged-in user. Returns whether this turned it on. */
export async function meetsRuleByPasskey(ctx: Context, gatehouse: Gatehouse): Promise<boolean> {
  const { session, user } = loginOf(ctx)
  const rpId = relyingPartyOf(ctx, gatehouse)?.id
  if (rpId === undefined || !lacksSecond(gatehouse, user)) return false
  const own = { rpId, session: session.id }
  const outcome = await turnOnByPasskey(originOf(ctx, gatehouse), gatehouse, user, own)
  if (outcome === undefined) return false
  setLogin(ctx, { session, user: { ...user, secondStepAt: gatehouse.now() } })
  stayKnown(ctx, gatehouse, { stamp: outcome.stamp })
  return true
}
