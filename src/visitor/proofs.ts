import type { Context } from 'koa'
import { askPasswordOf } from '../accounts/authentication.js'
import type { Account } from '../tables/users.js'
import type { Broken, Form, Values } from '../web/form.js'
import type { Gatehouse } from './gatehouse.js'

/** The ways in which an owner proves again who they are, each by the field that asks for it: what is wrong with what was given. */
const PROOFS = { password: askPasswordOf }

type ProofField = keyof typeof PROOFS

const PROOF_FIELDS: readonly ProofField[] = ['password']

/** The form that asks a user who is logged in to prove again who they are; what was typed before travels in `_typed`. */
export const passwordConfirm: Form<ProofField | 'next' | '_typed' | '_ask'> = {
  name: 'password/confirm',
  // `_ask` comes from the button in the message box: the page is only asked for.
  fields: [...PROOF_FIELDS, 'next', '_typed', '_ask'],
  secret: PROOF_FIELDS,
}

/** What is wrong with the proof that whoever is here owns the account; nothing if it is one. */
export function proveAgain(
  ctx: Context,
  gatehouse: Gatehouse,
  account: Account,
  given: Values<ProofField>,
): Promise<Broken[]> {
  const field = PROOF_FIELDS.find((one) => given[one] !== '') ?? 'password'
  return PROOFS[field](ctx, gatehouse, account, given[field])
}
