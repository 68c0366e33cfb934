import type Router from '@koa/router'
import type { Context } from 'koa'
import { checkPassword, NO_PASSWORD, PASSWORD_WRONG } from '../../accounts/authentication.js'
import { nameKeyOf } from '../../accounts/fields.js'
import * as users from '../../tables/users.js'
import { passwordConfirm as form, keepSealed, pageOfTyped } from '../../visitor/drafts.js'
import type { Gatehouse } from '../../visitor/gatehouse.js'
import { isRecentLogin, requireUser, userOf } from '../../visitor/guards.js'
import { confirmLogin } from '../../visitor/session.js'
import { localPath } from '../../web/local-path.js'
import { queryText } from '../../web/query.js'
import { fingerprint, onSubmit, type Sent } from '../../web/submit.js'

export const name = 'password/confirm'

const TYPED_TOO_OLD = {
  code: 'typed_too_old',
  sentence: 'Your password is right. What you had typed was kept for 10 minutes only: please type it again.',
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
      if (values.password === '')
        return await gatehouse.pages.refuse(ctx, form, { errors: [NO_PASSWORD], values })

      const isRight = await confirm(ctx, gatehouse, values)
      if (!isRight) return await gatehouse.pages.refuse(ctx, form, { errors: [PASSWORD_WRONG], values })

      goOn(ctx, gatehouse, values)
    }),
  )
}

/** Asks for the password of the user who is logged in, and notes that it was right. */
async function confirm(ctx: Context, gatehouse: Gatehouse, values: Sent<'password'>): Promise<boolean> {
  const { password } = values
  const user = userOf(ctx)
  const account = user && (await users.byId(gatehouse.database.main, user.id))
  if (account === undefined) return false
  const name = nameKeyOf(account.user.name)
  const isRight = await checkPassword(ctx, gatehouse, { name, account, password, failure: 'password_failed' })
  if (isRight)
    await confirmLogin(ctx, gatehouse, { user: account.user, form: fingerprint(ctx, gatehouse, values) })
  return isRight
}

// What was typed goes on in the session, to be there when its page opens; what is too long for that by a form of its own.
function goOn(ctx: Context, gatehouse: Gatehouse, { next, _typed }: { next: string; _typed: string }): void {
  const to = localPath(next) ?? gatehouse.places.home
  const page = pageOfTyped(ctx, _typed, to)
  if (page === undefined) {
    return void gatehouse.pages.leave(ctx, to, _typed === '' ? undefined : { message: TYPED_TOO_OLD })
  }
  if (keepSealed(ctx, _typed)) return void gatehouse.pages.leave(ctx, page)
  gatehouse.pages.show(ctx, 'password/confirm/back.html', { page, typed: _typed })
}
