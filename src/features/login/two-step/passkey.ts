import type Router from '@koa/router'
import type { Context } from 'koa'
import { hasBoth } from '../../../accounts/login-methods.js'
import { CHALLENGE_OLD, PASSKEY_WRONG, provePasskey } from '../../../accounts/passkey-proof.js'
import { cancelingLost } from '../../../accounts/second-step.js'
import type { Gatehouse } from '../../../visitor/gatehouse.js'
import { originOf } from '../../../visitor/origin.js'
import { failureIn, presentedBy } from '../../../visitor/passkeys.js'
import { welcome } from '../../../visitor/welcome.js'
import type { Form } from '../../../web/form.js'
import { fingerprint, onSubmit, type Sent } from '../../../web/submit.js'
import { CANCELED, FAILURES, UNSUPPORTED } from '../passkey.js'
import {
  leaveForLogin,
  logInBySecond,
  type SecondOutcome,
  type SecondTry,
  form as twoStep,
  type Waiting,
} from '../two-step.js'

export const name = 'login/two-step/passkey'
export const partOf = 'account/passkeys'

type FieldName = 'credential' | 'trust'

const form: Form<FieldName> = { name, fields: ['credential', 'trust'], secret: ['credential'], on: twoStep }

export function routes(router: Router, gatehouse: Gatehouse): void {
  router.get('/login/two-step/passkey/', (ctx) => gatehouse.pages.leave(ctx, gatehouse.url('login/two-step')))

  router.post(
    '/login/two-step/passkey/',
    onSubmit(form, gatehouse, async (ctx, values) => {
      const login = await logInBySecond(ctx, gatehouse, tryOf(ctx, gatehouse, values))
      if (login === undefined) return leaveForLogin(ctx, gatehouse)
      if (login.ok) return await welcome(ctx, gatehouse, form, { ...login, values: {} })
      const { error } = login
      const status = error === CHALLENGE_OLD ? 403 : 406
      await gatehouse.pages.refuse(ctx, form, {
        status,
        errors: [error],
        values,
        isHint: error === CANCELED,
      })
    }),
  )
}

function tryOf(ctx: Context, gatehouse: Gatehouse, values: Sent<FieldName>): SecondTry {
  return {
    print: fingerprint(ctx, gatehouse, values, values.credential, values.trust),
    isTrusting: values.trust !== '',
    methods: ['passkey', 'verified'],
    wrong: PASSKEY_WRONG,
    prove: (waiting) => prove(ctx, gatehouse, waiting, values.credential),
  }
}

async function prove(
  ctx: Context,
  gatehouse: Gatehouse,
  { account: { user }, methods: before }: Waiting,
  credential: string,
): Promise<SecondOutcome> {
  const presented = presentedBy(ctx, gatehouse, credential, { purpose: 'second', userId: user.id })
  if (presented === undefined) return { ok: false, error: UNSUPPORTED }
  const failure = failureIn(credential)
  if (failure !== undefined) return { ok: false, error: FAILURES[failure] }
  const origin = originOf(ctx, gatehouse)
  const outcome = await provePasskey(origin, gatehouse, presented)
  if (!outcome.ok) return outcome
  const { proof } = outcome
  const { methods } = proof
  if (!hasBoth([...before, ...methods])) return { ok: false, error: PASSKEY_WRONG }
  // The proof of a passkey that checked its user already cancels turning off two-step verification by email.
  const isVerified = methods.includes('verified')
  return { ok: true, methods, proof: isVerified ? proof : cancelingLost(origin, gatehouse, user, proof) }
}
