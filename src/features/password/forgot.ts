import type Router from '@koa/router'
import type { Context } from 'koa'
import { loginKeyOf } from '../../accounts/fields.js'
import { type Counted, LimitReached } from '../../accounts/limits.js'
import { countedFor, factsOfAsking } from '../../accounts/mail-limits.js'
import { logSecurity, takePlaces } from '../../accounts/security-log.js'
import { MINUTE } from '../../base/durations.js'
import type { House } from '../../visitor/gatehouse.js'
import { userOf } from '../../visitor/guards.js'
import { forgetLink } from '../../visitor/links.js'
import { keepAsked } from '../../visitor/reset-request.js'
import { afterwards } from '../../web/afterwards.js'
import type { Form } from '../../web/form.js'
import { queryText } from '../../web/query.js'
import { fingerprint, onSubmit, type Sent } from '../../web/submit.js'

export const name = 'password/forgot'
export const needs = 'mail'
export const requires = ['password/reset']

const form: Form<'username'> = { name, fields: ['username'], secret: [], about: 'what is typed' }

const NO_USERNAME = {
  field: 'username',
  code: 'forgot_name_missing',
  sentence: 'Enter your user name or e-mail.',
}
// The same for everybody, and worded for both: whether there is such an account is nobody else's business.
const SENT = {
  code: 'password_reset_sent',
  sentence:
    'If there is an account with this username or email address, an email is on its way or was sent recently.',
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
      const to = house.url('password/reset')
      await house.pages.accept(ctx, form, { notice: { message: SENT }, to, onward: GO_ON, values })
    }),
  )
}

function prefilled(ctx: Context): { username: string } {
  return { username: userOf(ctx)?.name ?? queryText(ctx, 'username') ?? '' }
}

/**
 * Writes down what was asked, and looks nobody up: who that is, if anybody, is found out when the mail is sent. Nothing is
 * asked for again that was asked for a moment ago, by whomever.
 */
async function ask(ctx: Context, house: House, typed: string, values: Sent<'username'>): Promise<void> {
  const pause: Counted = { rule: 'mailPause', of: `password-reset called ${loginKeyOf(typed)}` }
  const counted = [pause, ...countedFor(ctx, house, { kind: 'password-reset', address: typed })]
  if (!(await isTime(ctx, house, counted, typed))) return
  await post(ctx, house, typed, values).catch(async (error: unknown) => {
    await house.limits.giveBack(counted).catch(() => {})
    throw error
  })
  logSecurity(ctx, house, { event: 'password_reset_asked', typed })
}

async function isTime(
  ctx: Context,
  house: House,
  counted: readonly Counted[],
  typed: string,
): Promise<boolean> {
  try {
    await takePlaces(ctx, house, counted, typed)
    return true
  } catch (error) {
    if (error instanceof LimitReached && error.rule === 'mailPause') return false
    throw error
  }
}

async function post(ctx: Context, house: House, typed: string, values: Sent<'username'>): Promise<void> {
  // The button pressed twice asks once; pressed again a minute later it asks again.
  const minute = Math.floor(house.now() / MINUTE)
  const once = fingerprint(ctx, house, values, typed, String(minute))
  const facts = { username: typed, ...factsOfAsking(ctx, house) }
  await house.database.write((transaction) =>
    house.outbox.post(transaction, { kind: 'password-reset', facts, form: once, after: afterwards(ctx) }),
  )
}
