import type { Context } from 'koa'
import { currentPasswordErrors } from '../accounts/authentication.js'
import { proveSecond, type SecondOutcome } from '../accounts/second-step.js'
import type { Account } from '../tables/users.js'
import * as users from '../tables/users.js'
import type { FieldError, Form, Values } from '../web/form.js'
import { type Gatehouse, gatehouseOf } from './gatehouse.js'
import { loginOf } from './logins.js'
import { originOf } from './origin.js'
import { ownCeremony } from './passkeys.js'
import { hasSecondStep, isRecentLogin } from './recent.js'

const PROOFS = ['password', 'code'] as const

/** Value of the field `asks` if the page asks for a code, and not for the password (''). */
export const CODE = 'code'

export const passwordConfirm: Form<(typeof PROOFS)[number] | 'asks' | 'next' | '_typed' | '_ask'> = {
  name: 'password/confirm',
  // `_ask` comes from the button in an error message, which only opens the page.
  fields: [...PROOFS, 'asks', 'next', '_typed', '_ask'],
  secret: PROOFS,
  around,
}

async function around(ctx: Context): Promise<object> {
  const gatehouse = gatehouseOf(ctx)
  const { user } = loginOf(ctx)
  const mustVerify = hasSecondStep(ctx) && isRecentLogin(ctx)
  const account = await users.byId(gatehouse.database.main, user.id)
  return {
    passkey: await ownCeremony(ctx, gatehouse, { user, purpose: 'confirm', mustVerify }),
    isWithout: account?.passwordHash === '' && !mustVerify,
  }
}

export function proveAgain(
  ctx: Context,
  gatehouse: Gatehouse,
  account: Account,
  { password }: Values<'password'>,
): Promise<FieldError[]> {
  return currentPasswordErrors(originOf(ctx, gatehouse), gatehouse, account, password)
}

export function proveSecondAgain(
  ctx: Context,
  gatehouse: Gatehouse,
  account: Account,
  { code }: Values<'code'>,
): Promise<SecondOutcome> {
  return proveSecond(originOf(ctx, gatehouse), gatehouse, { account, typed: code })
}
