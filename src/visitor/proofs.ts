import type { Context } from 'koa'
import { askPasswordOf } from '../accounts/authentication.js'
import type { Account } from '../tables/users.js'
import type { FieldError, Form, Values } from '../web/form.js'
import type { Gatehouse } from './gatehouse.js'
import { originOf } from './origin.js'

const PROOFS = ['password'] as const

type Proof = (typeof PROOFS)[number]

export const passwordConfirm: Form<Proof | 'next' | '_typed' | '_ask'> = {
  name: 'password/confirm',
  // `_ask` comes from the button in an error message, which only opens the page.
  fields: [...PROOFS, 'next', '_typed', '_ask'],
  secret: PROOFS,
}

export function proveAgain(
  ctx: Context,
  gatehouse: Gatehouse,
  account: Account,
  { password }: Values<Proof>,
): Promise<FieldError[]> {
  return askPasswordOf(originOf(ctx, gatehouse), gatehouse, account, password)
}
