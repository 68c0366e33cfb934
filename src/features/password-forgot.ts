import type Router from '@koa/router'
import type { Context } from 'koa'
import { countMail } from '../asking.js'
import { MINUTE } from '../durations.js'
import { userOf } from '../guards.js'
import type { House } from '../house.js'
import { forgetLink } from '../links.js'
import { keepAsked } from '../resets.js'
import type { Form } from '../web/form.js'
import { queryText } from '../web/query.js'
import { fingerprint, onSubmit, type Sent } from '../web/submit.js'

export const name = 'password-forgot'
export const needs = 'mail'
export const requires = ['password-reset']

const form: Form<'username'> = { name, fields: ['username'], secret: [], about: 'what is typed' }

const NO_USERNAME = {
  field: 'username',
  code: 'forgot_name_missing',
  sentence: 'Enter your user name or e-mail.',
}
// The same for everybody, and worded for both: whether there is such an account is nobody else's business.
const SENT = {
  code: 'password_reset_sent',
  sentence: 'If there is an account of this name or address, a mail is on its way to its address.',
}
const GO_ON = { code: 'password_reset_go_on', sentence: 'Enter the code from the mail' }

/** Longer than any name or address that could be somebody's. */
const LONGEST = 300

export function routes(router: Router, house: House): void {
  router.get('/password/forgot/', (ctx) => house.pages.form(ctx, form, prefilled(ctx)))

  router.post(
    '/password/forgot/verify/',
    onSubmit(form, house, async (ctx, values) => {
      const typed = values.username.trim().slice(0, LONGEST)
      if (typed === '') return await house.pages.refuse(ctx, form, { errors: [NO_USERNAME], values })
      await ask(ctx, house, typed, values)
      keepAsked(ctx, typed)
      forgetLink(ctx, 'password-reset')
      const to = house.url('password-reset')
      await house.pages.accept(ctx, form, { notice: { message: SENT }, to, onward: GO_ON, values })
    }),
  )
}

function prefilled(ctx: Context): { username: string } {
  return { username: userOf(ctx)?.name ?? queryText(ctx, 'username') ?? '' }
}

/** Writes down what was asked, and looks nobody up: who that is, if anybody, is found out when the mail is sent. */
async function ask(ctx: Context, house: House, typed: string, values: Sent<'username'>): Promise<void> {
  await countMail(ctx, house, { kind: 'password-reset', address: typed })
  // The button pressed twice asks once; pressed again a minute later it asks again.
  const minute = Math.floor(house.now() / MINUTE)
  const once = fingerprint(ctx, house, values, typed, String(minute))
  const facts = { username: typed, language: house.languageOf(ctx) }
  await house.database.write((transaction) =>
    house.outbox.post(transaction, { kind: 'password-reset', facts, form: once }),
  )
}
