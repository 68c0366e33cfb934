import type Router from '@koa/router'
import type { Context } from 'koa'
import { authenticateByPasskey, CHALLENGE_OLD, PASSKEY_WRONG } from '../../accounts/passkey-proof.js'
import type { Gatehouse } from '../../visitor/gatehouse.js'
import { advance } from '../../visitor/login-steps.js'
import { originOf } from '../../visitor/origin.js'
import { type Failure, failureIn, loginCeremony, presentedBy, unknownSignal } from '../../visitor/passkeys.js'
import { welcome } from '../../visitor/welcome.js'
import type { FieldError, Form } from '../../web/form.js'
import { fingerprint, onSubmit, type Sent } from '../../web/submit.js'
import { CHANGED_MEANWHILE, leadToConfirm, form as login } from '../login.js'

export const name = 'login/passkey'
export const partOf = 'account/passkeys'

type FieldName = 'credential' | 'username' | 'keep' | 'next'

const form: Form<FieldName> = {
  name,
  fields: ['credential', 'username', 'keep', 'next'],
  secret: ['credential'],
  on: login,
}

export const CANCELED: FieldError = {
  code: 'passkey_canceled',
  sentence: 'No passkey was used. Try again, or log in another way.',
}
export const UNSUPPORTED: FieldError = {
  code: 'passkey_unsupported',
  sentence: 'This browser or device cannot use passkeys here. Log in another way.',
}
const UNCONFIRMED: FieldError = {
  code: 'passkey_unconfirmed',
  sentence: 'Your passkey works, but your email address is not confirmed yet.',
}

export function routes(router: Router, gatehouse: Gatehouse): void {
  // A refused form is shown under this URL, so a reload has to work.
  router.get('/login/passkey/', (ctx) => gatehouse.pages.leave(ctx, gatehouse.url('login')))

  router.post(
    '/login/passkey/',
    onSubmit(form, gatehouse, async (ctx, values) => {
      const presented = presentedBy(ctx, gatehouse, values.credential, { purpose: 'login', userId: '' })
      if (presented === undefined) return await refuse(ctx, gatehouse, UNSUPPORTED, values)
      const failure = failureIn(values.credential)
      if (failure !== undefined) return await refuse(ctx, gatehouse, FAILURES[failure], values)
      const outcome = await authenticateByPasskey(originOf(ctx, gatehouse), gatehouse, presented)
      if (!outcome.ok) return await refuse(ctx, gatehouse, outcome.error, values, outcome.unknown)
      await logIn(ctx, gatehouse, outcome, values)
    }),
  )
}

export const FAILURES: Readonly<Record<Failure, FieldError>> = {
  canceled: CANCELED,
  exists: PASSKEY_WRONG,
  unsupported: UNSUPPORTED,
  failed: PASSKEY_WRONG,
}

async function refuse(
  ctx: Context,
  gatehouse: Gatehouse,
  error: FieldError,
  values: Sent<FieldName>,
  unknown?: string,
): Promise<void> {
  const status = error === CHALLENGE_OLD ? 403 : 406
  const signal = unknown && unknownSignal(ctx, gatehouse, unknown)
  const around = { passkey: loginCeremony(ctx, gatehouse), signal }
  await gatehouse.pages.refuse(ctx, form, {
    status,
    errors: [error],
    values,
    isHint: error === CANCELED,
    around,
  })
}

type Authenticated = Extract<Awaited<ReturnType<typeof authenticateByPasskey>>, { ok: true }>

async function logIn(
  ctx: Context,
  gatehouse: Gatehouse,
  { account, proof }: Authenticated,
  values: Sent<FieldName>,
): Promise<void> {
  const { credential, keep, next } = values
  const progress = { account, methods: proof.methods, kept: keep !== '', next, proof }
  const login = await advance(ctx, gatehouse, {
    ...progress,
    form: fingerprint(ctx, gatehouse, values, credential),
  })
  if (login.state === 'changed') return await refuse(ctx, gatehouse, CHANGED_MEANWHILE, values)
  if (login.state === 'begun') {
    return await welcome(ctx, gatehouse, form, { ...login, next, values })
  }
  await gatehouse.database.write(proof.spend)
  if (login.for !== 'login/two-step') {
    return await leadToConfirm(ctx, gatehouse, { form, error: UNCONFIRMED, user: account.user, values })
  }
  gatehouse.countLogin('second')
  gatehouse.pages.leave(ctx, gatehouse.url(login.for))
}
