import type Router from '@koa/router'
import type { Context } from 'koa'
import { PASSWORD_WRONG } from '../../accounts/authentication.js'
import * as users from '../../tables/users.js'
import { keepSealed, pageOfTyped } from '../../visitor/drafts.js'
import type { Gatehouse } from '../../visitor/gatehouse.js'
import { isRecentLogin, requireUser } from '../../visitor/guards.js'
import { loginOf } from '../../visitor/logins.js'
import { passwordConfirm as form, proveAgain } from '../../visitor/proofs.js'
import { confirmLogin } from '../../visitor/session.js'
import { queryText } from '../../web/http.js'
import { localPath } from '../../web/local-path.js'
import { fingerprint, onSubmit } from '../../web/submit.js'

export const name = 'password/confirm'

export const TYPED_TOO_OLD = {
  code: 'typed_too_old',
  sentence: 'Your password is correct. What you typed was only kept for 10 minutes: enter it again.',
}

export function routes(router: Router, gatehouse: Gatehouse): void {
  router.get('/password/confirm/', requireUser, async (ctx) => {
    const next = localPath(queryText(ctx, 'next'))
    if (isRecentLogin(ctx)) return gatehouse.pages.leave(ctx, next ?? gatehouse.places.home)
    await gatehouse.pages.form(ctx, form, { next: next ?? '' })
  })

  router.post(
    '/password/confirm/verify/',
    requireUser,
    onSubmit(form, gatehouse, async (ctx, values) => {
      if (values._ask !== '') return await gatehouse.pages.form(ctx, form, values)
      const account = await users.byId(gatehouse.database.main, loginOf(ctx).user.id)
      const errors = account ? await proveAgain(ctx, gatehouse, account, values) : [PASSWORD_WRONG]
      if (account === undefined || errors.length > 0) {
        return await gatehouse.pages.refuse(ctx, form, { errors, values })
      }
      await confirmLogin(ctx, gatehouse, { user: account.user, form: fingerprint(ctx, gatehouse, values) })
      continueAfter(ctx, gatehouse, values)
    }),
  )
}

// What was typed continues in the session, or in a form of its own if it is too long for that.
function continueAfter(
  ctx: Context,
  gatehouse: Gatehouse,
  { next, _typed }: { next: string; _typed: string },
): void {
  const to = localPath(next) ?? gatehouse.places.home
  const page = pageOfTyped(ctx, _typed, to)
  if (page === undefined) {
    return void gatehouse.pages.leave(ctx, to, _typed === '' ? undefined : { message: TYPED_TOO_OLD })
  }
  if (keepSealed(ctx, _typed)) return void gatehouse.pages.leave(ctx, page)
  gatehouse.pages.show(ctx, 'password/confirm/back.html', { page, typed: _typed })
}
