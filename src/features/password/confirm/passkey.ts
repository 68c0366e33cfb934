import type Router from '@koa/router'
import type { Context } from 'koa'
import { CHALLENGE_OLD, PASSKEY_WRONG, provePasskey } from '../../../accounts/passkey-proof.js'
import type { Gatehouse } from '../../../visitor/gatehouse.js'
import { requireUser } from '../../../visitor/guards.js'
import { loginOf } from '../../../visitor/logins.js'
import { originOf } from '../../../visitor/origin.js'
import { type Failure, failureIn, presentedBy } from '../../../visitor/passkeys.js'
import { CODE, passwordConfirm } from '../../../visitor/proofs.js'
import { confirmBy, repeatRenewal } from '../../../visitor/renewal.js'
import type { FieldError, Form } from '../../../web/form.js'
import { fingerprint, onSubmit, type Sent } from '../../../web/submit.js'
import { continueAfter } from '../confirm.js'

export const name = 'password/confirm/passkey'
export const partOf = 'account/passkeys'

type FieldName = 'credential' | 'asks' | 'next' | '_typed'

const form: Form<FieldName> = {
  name,
  fields: ['credential', 'asks', 'next', '_typed'],
  secret: ['credential'],
  on: passwordConfirm,
}

const CANCELED: FieldError = {
  code: 'passkey_not_used',
  sentence: 'No passkey was used. Try again, or use another way.',
}
const UNSUPPORTED: FieldError = {
  code: 'passkey_unsupported_here',
  sentence: 'This browser or device cannot use passkeys here. Use another way.',
}

export function routes(router: Router, gatehouse: Gatehouse): void {
  router.get('/password/confirm/passkey/', (ctx) =>
    gatehouse.pages.leave(ctx, gatehouse.url('password/confirm')),
  )

  router.post(
    '/password/confirm/passkey/',
    requireUser,
    onSubmit(form, gatehouse, async (ctx, values) => {
      const error = await confirm(ctx, gatehouse, values)
      if (error === undefined) return continueAfter(ctx, gatehouse, values)
      const status = error === CHALLENGE_OLD ? 403 : 406
      const isHint = error === CANCELED
      await gatehouse.pages.refuse(ctx, form, { status, errors: [error], values, isHint })
    }),
  )
}

async function confirm(
  ctx: Context,
  gatehouse: Gatehouse,
  values: Sent<FieldName>,
): Promise<FieldError | undefined> {
  const print = fingerprint(ctx, gatehouse, values, values.credential)
  const error = await prove(ctx, gatehouse, values, print)
  return error !== undefined && (await repeatRenewal(ctx, gatehouse, print)) ? undefined : error
}

const FAILURES: Readonly<Record<Failure, FieldError>> = {
  canceled: CANCELED,
  exists: PASSKEY_WRONG,
  unsupported: UNSUPPORTED,
  failed: PASSKEY_WRONG,
}

async function prove(
  ctx: Context,
  gatehouse: Gatehouse,
  { credential, asks }: Sent<FieldName>,
  print: string,
): Promise<FieldError | undefined> {
  const owner = { purpose: 'confirm', userId: loginOf(ctx).user.id } as const
  const presented = presentedBy(ctx, gatehouse, credential, owner)
  if (presented === undefined) return UNSUPPORTED
  const failure = failureIn(credential)
  if (failure !== undefined) return FAILURES[failure]
  const outcome = await provePasskey(originOf(ctx, gatehouse), gatehouse, presented)
  if (!outcome.ok) return outcome.error
  const isVerified = outcome.proof.methods.includes('verified')
  // A passkey that did not check its user may replace the password, but never the code.
  if (asks === CODE && !isVerified) return PASSKEY_WRONG
  const isConfirmed = await confirmBy(ctx, gatehouse, {
    ...outcome,
    form: print,
    kind: 'passkey_confirmed',
    proved: isVerified ? 'both' : 'first',
  })
  return isConfirmed ? undefined : PASSKEY_WRONG
}
