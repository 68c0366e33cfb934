import type Router from '@koa/router'
import type { Context } from 'koa'
import { authenticate, NO_PASSWORD, renewHash } from '../authentication.js'
import { requireAnonymous } from '../guards.js'
import type { House } from '../house.js'
import { logIn } from '../sessions.js'
import type { Broken, Form } from '../web/form.js'
import { localPath } from '../web/local-path.js'
import { fingerprint, onSubmit, type Sent } from '../web/submit.js'

export const name = 'login'

type FieldName = 'username' | 'password' | 'keep' | 'next'

const form: Form<FieldName> = { name, fields: ['username', 'password', 'keep', 'next'], secret: ['password'] }

const NO_USERNAME = {
  field: 'username',
  code: 'login_name_missing',
  sentence: 'Enter your user name or e-mail.',
}
const GO_ON = { code: 'logged_in_go_on', sentence: 'Go on now' }
const LOGGED_IN = { code: 'logged_in', sentence: 'You are logged in.' }
const REOPENED = {
  code: 'logged_in_reopened',
  sentence: 'You are logged in. Your account is open again, nothing will be erased.',
}

export function routes(router: Router, house: House): void {
  router.get('/login/', requireAnonymous, (ctx) => house.pages.form(ctx, form, prefilled(ctx)))

  router.post(
    '/login/verify/',
    onSubmit(form, house, async (ctx, values) => {
      const missing = missingFields(values)
      if (missing.length > 0) return await house.pages.refuse(ctx, form, { errors: missing, values })

      const outcome = await authenticate(ctx, house, values)
      if (!outcome.ok) return await house.pages.refuse(ctx, form, { errors: [outcome.error], values })

      const options = { kept: values.keep !== '', form: fingerprint(ctx, values) }
      const { isReopened } = await logIn(ctx, house, outcome.account, options)
      await renewHash(house, outcome.account, values.password)
      await house.pages.accept(ctx, form, {
        notice: { message: isReopened ? REOPENED : LOGGED_IN },
        to: localPath(values.next) ?? house.places.afterLogin,
        onward: GO_ON,
        values,
      })
    }),
  )
}

/** From a link: the user name after sign-up, and the page that asked for the login. */
function prefilled(ctx: Context): Partial<Sent<FieldName>> {
  const { username, next } = ctx.query
  return {
    ...(typeof username === 'string' && { username }),
    next: localPath(next) ?? '',
  }
}

function missingFields({ username, password }: Sent<FieldName>): Broken[] {
  return [...(username.trim() === '' ? [NO_USERNAME] : []), ...(password === '' ? [NO_PASSWORD] : [])]
}
