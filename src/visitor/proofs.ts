import type { Context } from 'koa'
import { askPasswordOf } from '../accounts/authentication.js'
import type { Account } from '../tables/users.js'
import type { Broken, Form, Values } from '../web/form.js'
import type { Gatehouse } from './gatehouse.js'
import { originOf } from './origin.js'

/** The fields in which an owner proves again who they are, one for each way; the password is a way into every account. */
const PROOFS = ['password'] as const

type Proof = (typeof PROOFS)[number]

/** The form that asks a user who is logged in to prove again who they are; what was typed before travels in `_typed`. */
export const passwordConfirm: Form<Proof | 'next' | '_typed' | '_ask'> = {
  name: 'password/confirm',
  // `_ask` comes from the button in the message box: the page is only asked for.
  fields: [...PROOFS, 'next', '_typed', '_ask'],
  secret: PROOFS,
}

/** What is wrong with the proof that whoever is here owns the account; nothing if it is one. */
export function proveAgain(
  ctx: Context,
  gatehouse: Gatehouse,
  account: Account,
  { password }: Values<Proof>,
): Promise<Broken[]> {
  return askPasswordOf(originOf(ctx, gatehouse), gatehouse, account, password)
}
