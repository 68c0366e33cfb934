import type Router from '@koa/router'
import type { Context } from 'koa'
import { loginKeyOf } from '../../accounts/fields.js'
import { LimitReached } from '../../accounts/limit-reached.js'
import type { Counted } from '../../accounts/limits.js'
import { countedFor, factsOfAsking } from '../../accounts/mail-limits.js'
import { countAgainstLimits, logSecurity } from '../../accounts/security-log.js'
import { MINUTE } from '../../base/durations.js'
import type { FeatureLink } from '../../visitor/feature.js'
import type { Gatehouse } from '../../visitor/gatehouse.js'
import { userOf } from '../../visitor/guards.js'
import { forgetLink, keepResetRequest } from '../../visitor/links.js'
import { originOf } from '../../visitor/origin.js'
import { afterwards } from '../../web/disconnect.js'
import type { Form } from '../../web/form.js'
import { queryText } from '../../web/http.js'
import { fingerprint, onSubmit, type Sent } from '../../web/submit.js'

export const name = 'password/forgot'
export const needs = 'mail'
export const requires = ['password/reset']
export const links: readonly FeatureLink[] = [
  { on: 'login', order: 10, title: { code: 'password_forgot_link', sentence: 'Forgot your password?' } },
]

const form: Form<'username'> = { name, fields: ['username'], secret: [], about: 'what is typed' }

export const NO_USERNAME = {
  field: 'username',
  code: 'forgot_name_missing',
  sentence: 'Enter your username or email address.',
}
// The same for everyone, so that it does not reveal whether the account exists.
export const SENT = {
  code: 'password_reset_sent',
  sentence:
    'If there is an account with this username or email address, an email is on its way or was sent recently.',
}
export const GO_ON = { code: 'password_reset_go_on', sentence: 'Enter the code from the email' }

// More characters than any username or email address has.
const LONGEST = 300

export function routes(router: Router, gatehouse: Gatehouse): void {
  router.get('/password/forgot/', (ctx) => gatehouse.pages.form(ctx, form, prefilled(ctx)))

  router.post(
    '/password/forgot/verify/',
    onSubmit(form, gatehouse, async (ctx, values) => {
      const typed = values.username.trim().slice(0, LONGEST)
      if (typed === '') return await gatehouse.pages.refuse(ctx, form, { errors: [NO_USERNAME], values })
      await ask(ctx, gatehouse, typed, values)
      keepResetRequest(ctx, typed)
      forgetLink(ctx, 'password-reset')
      const to = gatehouse.url('password/reset')
      await gatehouse.pages.accept(ctx, form, { notice: { message: SENT }, to, onward: GO_ON, values })
    }),
  )
}

function prefilled(ctx: Context): { username: string } {
  return { username: userOf(ctx)?.name ?? queryText(ctx, 'username') ?? '' }
}

// Looks up no account, so that the response reveals nothing. That happens when the email is sent.
async function ask(
  ctx: Context,
  gatehouse: Gatehouse,
  typed: string,
  values: Sent<'username'>,
): Promise<void> {
  const pause: Counted = { rule: 'mailPause', of: `password-reset called ${loginKeyOf(typed)}` }
  const counted = [
    pause,
    ...countedFor(originOf(ctx, gatehouse), gatehouse, { kind: 'password-reset', address: typed }),
  ]
  if (!(await isTime(ctx, gatehouse, counted, typed))) return
  await post(ctx, gatehouse, typed, values).catch(async (error: unknown) => {
    await gatehouse.limits.giveBack(counted).catch(() => {})
    throw error
  })
  logSecurity(originOf(ctx, gatehouse), gatehouse, { event: 'password_reset_asked', typed })
}

async function isTime(
  ctx: Context,
  gatehouse: Gatehouse,
  counted: readonly Counted[],
  typed: string,
): Promise<boolean> {
  try {
    await countAgainstLimits(originOf(ctx, gatehouse), gatehouse, counted, typed)
    return true
  } catch (error) {
    if (error instanceof LimitReached && error.rule === 'mailPause') return false
    throw error
  }
}

async function post(
  ctx: Context,
  gatehouse: Gatehouse,
  typed: string,
  values: Sent<'username'>,
): Promise<void> {
  // A double click asks once. A minute later the same form asks again.
  const minute = Math.floor(gatehouse.now() / MINUTE)
  const once = fingerprint(ctx, gatehouse, values, typed, String(minute))
  const facts = { username: typed, ...factsOfAsking(originOf(ctx, gatehouse)) }
  await gatehouse.database.write((transaction) =>
    gatehouse.outbox.post(transaction, { kind: 'password-reset', facts, form: once, after: afterwards(ctx) }),
  )
}
