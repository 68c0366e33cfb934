import type Router from '@koa/router'
import type { Context, Middleware } from 'koa'
import { endOtherSessions } from '../accounts/ending-sessions.js'
import type { FeatureLink } from '../visitor/feature.js'
import { type Gatehouse, gatehouseOf } from '../visitor/gatehouse.js'
import { requireUser, userOf } from '../visitor/guards.js'
import { loginOf } from '../visitor/logins.js'
import { originOf } from '../visitor/origin.js'
import { forgetLogin, LOGGED_OUT, logOut } from '../visitor/session.js'
import { isCrossSite } from '../web/csrf.js'
import type { Form } from '../web/form.js'
import { onSubmit } from '../web/submit.js'

export const name = 'logout'
export const links: readonly FeatureLink[] = [
  { on: 'user header', order: 90, title: { code: 'logout_link', sentence: 'Log out' } },
]

const form: Form<'forget' | 'everywhere'> = {
  name,
  fields: ['forget', 'everywhere'],
  secret: [],
  oneButton: true,
}

export function routes(router: Router, gatehouse: Gatehouse): void {
  // Asks first, so that no link or image on another site can log anyone out.
  router.get('/logout/', requireUser, (ctx) => gatehouse.pages.form(ctx, form))

  router.post(
    '/logout/',
    unlessLoggedOut,
    onSubmit(form, gatehouse, async (ctx, { forget, everywhere }) => {
      if (everywhere !== '') await endOthers(ctx, gatehouse)
      await logOut(ctx, gatehouse, { forget: forget !== '' })
      gatehouse.pages.leave(ctx, gatehouse.places.afterLogout, { message: LOGGED_OUT })
    }),
  )
}

async function endOthers(ctx: Context, gatehouse: Gatehouse): Promise<void> {
  const { session, user } = loginOf(ctx)
  await endOtherSessions(originOf(ctx, gatehouse), gatehouse, { id: session.id, userId: user.id })
}

// Already logged out in another tab. Not for cross-site requests, which come without the cookie
// (SameSite=Lax): the cookie of this response would replace the visitor's own and log them out.
const unlessLoggedOut: Middleware = async (ctx, next) => {
  const gatehouse = gatehouseOf(ctx)
  const { pages, places, origin } = gatehouse
  if (userOf(ctx) !== undefined || isCrossSite(ctx, origin)) return await next()
  await forgetLogin(ctx, gatehouse)
  pages.leave(ctx, places.afterLogout, { message: LOGGED_OUT })
}
