import type { Context } from 'koa'
import { checkCode } from '../accounts/codes.js'
import type * as tokens from '../tables/tokens.js'
import * as users from '../tables/users.js'
import type { FieldError } from '../web/form.js'
import { type Gatehouse, gatehouseOf } from './gatehouse.js'
import type { LiveLink } from './links.js'
import { halfLoggedIn } from './login-steps.js'
import { userOf } from './logins.js'
import { originOf } from './origin.js'
import { proveAgain } from './proofs.js'

export interface Unconfirmed extends users.Account {
  user: users.User & { email: string }
}

export async function unconfirmedOf(ctx: Context): Promise<Unconfirmed | undefined> {
  const account = await accountOf(ctx)
  return account !== undefined && isUnconfirmed(account) ? account : undefined
}

function isUnconfirmed(account: users.Account): account is Unconfirmed {
  return account.user.email !== null && account.user.emailConfirmedAt === null
}

/** Includes a visitor who has not finished logging in. */
export async function accountOf(ctx: Context): Promise<users.Account | undefined> {
  const gatehouse = gatehouseOf(ctx)
  const user = userOf(ctx)
  if (user !== undefined) return users.byId(gatehouse.database.main, user.id)
  const account = await halfLoggedIn(ctx, gatehouse)
  return account !== undefined && isBeforeSecond(account) ? undefined : account
}

// The password alone must not reveal the address of such an account.
function isBeforeSecond({ user }: users.Account): boolean {
  return user.secondStepAt !== null && user.emailConfirmedAt !== null
}

// With two-step verification, the password alone must not redirect the emails.
export function mayCorrect(ctx: Context, { user }: users.Account): boolean {
  return userOf(ctx) !== undefined || user.secondStepAt === null
}

export async function isOwn(ctx: Context, { userId }: tokens.Token): Promise<boolean> {
  return userOf(ctx)?.id === userId || (await halfLoggedIn(ctx, gatehouseOf(ctx)))?.user.id === userId
}

/** `isTyped`: the password was entered beside the link. */
type Proof =
  | { ok: true; account: users.Account; hash: string; isTyped: boolean }
  | { ok: false; error: FieldError }

// The link proves who reads the emails, not who signed up. Someone may have signed up with another person's address and wait for
// them to confirm it. So it also takes the session or the password.
export async function proveByLink(
  ctx: Context,
  gatehouse: Gatehouse,
  { token }: LiveLink,
  given: { password: string },
): Promise<Proof | undefined> {
  const account = await users.byId(gatehouse.database.main, token.userId)
  if (account === undefined) return undefined
  const isTyped = !(await isOwn(ctx, token))
  const [error] = isTyped ? await proveAgain(ctx, gatehouse, account, given) : []
  return error === undefined ? { ok: true, account, hash: token.hash, isTyped } : { ok: false, error }
}

export async function proveByCode(
  ctx: Context,
  gatehouse: Gatehouse,
  { code }: { code: string },
): Promise<Proof | undefined> {
  const account = await unconfirmedOf(ctx)
  if (account === undefined) return undefined
  const checked = await checkCode(
    originOf(ctx, gatehouse),
    gatehouse,
    { userId: account.user.id, purpose: 'email-confirm' },
    code,
  )
  return checked.ok ? { ...checked, account, isTyped: false } : checked
}
