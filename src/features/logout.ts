import type Router from '@koa/router'
import { requireUser } from '../guards.js'
import type { House } from '../house.js'
import { logOut } from '../sessions.js'
import type { Form } from '../web/form.js'
import { onSubmit } from '../web/submit.js'

export const name = 'logout'

const form: Form<never> = { name, fields: [], secret: [], oneButton: true }

const LOGGED_OUT = { code: 'logged_out', sentence: 'You are logged out.' }

export function routes(router: Router, house: House): void {
  // A page that asks: neither a link nor an image on another site can log anybody out.
  router.get('/logout/', requireUser, (ctx) => house.pages.form(ctx, form))

  router.post(
    '/logout/',
    onSubmit(form, house, async (ctx) => {
      await logOut(ctx, house)
      house.pages.leave(ctx, house.places.afterLogout, { text: house.words.sentence(LOGGED_OUT) })
    }),
  )
}
