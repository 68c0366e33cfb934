import type Router from '@koa/router'
import type { Context } from 'koa'
import { checkPassword, NO_PASSWORD, PASSWORD_WRONG } from '../../accounts/authentication.js'
import { nameKeyOf } from '../../accounts/fields.js'
import * as users from '../../tables/users.js'
import { passwordConfirm as form, keepSealed, pageOfTyped } from '../../visitor/drafts.js'
import type { House } from '../../visitor/gatehouse.js'
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

export function routes(router: Router, house: House): void {
  router.get('/password/confirm/', requireUser, async (ctx) => {
    const next = localPath(queryText(ctx, 'next'))
    if (isRecentLogin(ctx)) return house.pages.leave(ctx, next ?? house.places.home)
    await house.pages.form(ctx, form, { next: next ?? '' })
  })

  router.post(
    '/password/confirm/verify/',
    requireUser,
    onSubmit(form, house, async (ctx, values) => {
      if (values._ask !== '') return await house.pages.form(ctx, form, values)
      if (values.password === '')
        return await house.pages.refuse(ctx, form, { errors: [NO_PASSWORD], values })

      const isRight = await confirm(ctx, house, values)
      if (!isRight) return await house.pages.refuse(ctx, form, { errors: [PASSWORD_WRONG], values })

      goOn(ctx, house, values)
    }),
  )
}

/** Asks for the password of the user who is logged in, and notes that it was right. */
async function confirm(ctx: Context, house: House, values: Sent<'password'>): Promise<boolean> {
  const { password } = values
  const user = userOf(ctx)
  const account = user && (await users.byId(house.database.main, user.id))
  if (account === undefined) return false
  const name = nameKeyOf(account.user.name)
  const isRight = await checkPassword(ctx, house, { name, account, password, failure: 'password_failed' })
  if (isRight) await confirmLogin(ctx, house, { user: account.user, form: fingerprint(ctx, house, values) })
  return isRight
}

// What was typed goes on in the session, to be there when its page opens; what is too long for that by a form of its own.
function goOn(ctx: Context, house: House, { next, _typed }: { next: string; _typed: string }): void {
  const to = localPath(next) ?? house.places.home
  const page = pageOfTyped(ctx, _typed, to)
  if (page === undefined) {
    return void house.pages.leave(ctx, to, _typed === '' ? undefined : { message: TYPED_TOO_OLD })
  }
  if (keepSealed(ctx, _typed)) return void house.pages.leave(ctx, page)
  house.pages.show(ctx, 'password/confirm/back.html', { page, typed: _typed })
}
