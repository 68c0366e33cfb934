import type Router from '@koa/router'
import type { Context } from 'koa'
import { PASSWORD_WRONG } from '../../accounts/authentication.js'
import { normalizeCode } from '../../accounts/codes.js'
import { SECOND_WRONG } from '../../accounts/second-step.js'
import * as users from '../../tables/users.js'
import { ENTER_PASSWORD, PASSWORD_NEEDED } from '../../visitor/asking.js'
import { keepEncrypted, pageOfTyped } from '../../visitor/drafts.js'
import type { Gatehouse } from '../../visitor/gatehouse.js'
import { requireUser } from '../../visitor/guards.js'
import { loginOf } from '../../visitor/logins.js'
import { CODE, passwordConfirm as form, proveAgain, proveSecondAgain } from '../../visitor/proofs.js'
import { isRecentLogin, isRecentSecond } from '../../visitor/recent.js'
import { confirmBy, confirmLogin, repeatRenewal } from '../../visitor/renewal.js'
import type { FieldError } from '../../web/form.js'
import { queryText } from '../../web/http.js'
import { localPath } from '../../web/local-path.js'
import { fingerprint, onSubmit, type Sent } from '../../web/submit.js'

export const name = 'password/confirm'

export const TYPED_TOO_OLD = {
  code: 'typed_too_old',
  sentence: 'What you typed was kept for 10 minutes only. Enter it again.',
}

export function routes(router: Router, gatehouse: Gatehouse): void {
  router.get('/password/confirm/', requireUser, async (ctx) => {
    const next = localPath(queryText(ctx, 'next'))
    const asks = asksOf(ctx, queryText(ctx, 'asks'))
    const isDone = asks === CODE ? isRecentSecond(ctx) : isRecentLogin(ctx)
    if (isDone) return gatehouse.pages.leave(ctx, next ?? gatehouse.places.home)
    await gatehouse.pages.form(ctx, form, { asks, next: next ?? '' })
  })

  router.post(
    '/password/confirm/verify/',
    requireUser,
    onSubmit(form, gatehouse, async (ctx, values) => {
      if (values._ask !== '') {
        return await gatehouse.pages.form(ctx, form, { ...values, asks: asksOf(ctx, values.asks) })
      }
      const errors = await prove(ctx, gatehouse, values)
      if (errors.includes(PASSWORD_NEEDED)) return await askPassword(ctx, gatehouse, values)
      if (errors.length > 0) return await gatehouse.pages.refuse(ctx, form, { errors, values })
      continueAfter(ctx, gatehouse, values)
    }),
  )
}

// A code needs a recent password first. Otherwise a stolen session could guess codes.
function asksOf(ctx: Context, asked: string | undefined): string {
  return asked === CODE && isRecentLogin(ctx) ? CODE : ''
}

type Values = Sent<'password' | 'code' | 'asks' | 'next' | '_typed' | '_ask'>

async function prove(ctx: Context, gatehouse: Gatehouse, values: Values): Promise<readonly FieldError[]> {
  const account = await users.byId(gatehouse.database.main, loginOf(ctx).user.id)
  if (account === undefined) return [PASSWORD_WRONG]
  if (values.asks === CODE && account.user.secondStepAt !== null) {
    return await proveByCode(ctx, gatehouse, account, values)
  }
  const errors = await proveAgain(ctx, gatehouse, account, values)
  if (errors.length > 0) return errors
  await confirmLogin(ctx, gatehouse, { user: account.user, form: fingerprint(ctx, gatehouse, values) })
  return []
}

async function proveByCode(
  ctx: Context,
  gatehouse: Gatehouse,
  account: users.Account,
  values: Values,
): Promise<readonly FieldError[]> {
  const print = `${fingerprint(ctx, gatehouse, values)}.${fingerprint(ctx, gatehouse, values, normalizeCode(values.code))}`
  // A repeated form's code is already used.
  if (await repeatRenewal(ctx, gatehouse, print)) return []
  if (!isRecentLogin(ctx)) return [PASSWORD_NEEDED]
  const outcome = await proveSecondAgain(ctx, gatehouse, account, values)
  if (!outcome.ok) return [outcome.error]
  const confirmed = { account, proof: outcome.proof, form: print } as const
  const isConfirmed = await confirmBy(ctx, gatehouse, {
    ...confirmed,
    kind: 'second_confirmed',
    proved: 'second',
  })
  return isConfirmed ? [] : [SECOND_WRONG]
}

async function askPassword(ctx: Context, { pages }: Gatehouse, { next, _typed }: Values): Promise<void> {
  await pages.ask(ctx, form, {
    error: PASSWORD_NEEDED,
    button: ENTER_PASSWORD,
    values: { asks: '', next, _typed },
  })
}

// Keeps what was typed in the session, or in a form of its own if it is too long for that.
export function continueAfter(
  ctx: Context,
  gatehouse: Gatehouse,
  { next, _typed }: { next: string; _typed: string },
): void {
  const to = localPath(next) ?? gatehouse.places.home
  const page = pageOfTyped(ctx, _typed, to)
  if (page === undefined) {
    return void gatehouse.pages.leave(ctx, to, _typed === '' ? undefined : { message: TYPED_TOO_OLD })
  }
  if (keepEncrypted(ctx, _typed)) return void gatehouse.pages.leave(ctx, page)
  gatehouse.pages.show(ctx, 'password/confirm/back.html', { page, typed: _typed })
}
