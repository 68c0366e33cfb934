import type Router from '@koa/router'
import type { Context } from 'koa'
import { cancelLost } from '../../accounts/second-lost.js'
import { isAway, isSecondRequired, upcomingSecondAt } from '../../accounts/second-rule.js'
import { canTurnOn, turnOff } from '../../accounts/two-step.js'
import { isAhead } from '../../secrets/authenticator.js'
import * as apps from '../../tables/authenticator-apps.js'
import * as recovery from '../../tables/recovery-codes.js'
import * as users from '../../tables/users.js'
import type { FeatureLink } from '../../visitor/feature.js'
import { type Gatehouse, gatehouseOf } from '../../visitor/gatehouse.js'
import { requireRecentSecond, requireUser } from '../../visitor/guards.js'
import { stayKnown, trustedUntil } from '../../visitor/known-devices.js'
import { loginOf } from '../../visitor/logins.js'
import { originOf } from '../../visitor/origin.js'
import { renewalOf, repeatChange } from '../../visitor/renewal.js'
import { forgetCodes } from '../../visitor/two-step-notes.js'
import type { Form } from '../../web/form.js'
import { fingerprint, onSubmit } from '../../web/submit.js'

export const name = 'account/two-step'
export const links: readonly FeatureLink[] = [
  {
    on: 'account',
    group: 'security',
    order: 35,
    title: { code: 'account_two_step_link', sentence: 'Two-step verification' },
    hint: { code: 'account_two_step_link_hint', sentence: 'A second step when you log in' },
  },
]

const overview: Form<never> = { name, fields: [], secret: [], around }
const turningOff: Form<never> = {
  name: 'account/two-step/off',
  fields: [],
  secret: [],
  oneButton: true,
  on: overview,
}
const keeping: Form<never> = { ...turningOff, name: 'account/two-step/keep' }

export const OFF = {
  code: 'second_off',
  sentence: 'Two-step verification is off. Your password alone now opens your account.',
}
const REQUIRED_HERE = {
  code: 'second_required_here',
  sentence: 'Two-step verification is required here, so it stays on. You can replace the app instead.',
}
const BACK = { code: 'second_back', sentence: 'Back to two-step verification' }
export const KEPT = {
  code: 'second_kept',
  sentence: 'Two-step verification stays on. If you did not ask to turn it off, someone knows your password.',
}
const KEPT_ALREADY = {
  code: 'second_kept_already',
  sentence: 'There is no longer a request to turn off two-step verification.',
}
const CHANGE_PASSWORD = { code: 'second_kept_password', sentence: 'Change your password' }
const OFF_ALREADY = { code: 'second_off_already', sentence: 'Two-step verification is off.' }

export function routes(router: Router, gatehouse: Gatehouse): void {
  router.get('/account/two-step/', requireUser, (ctx) => gatehouse.pages.form(ctx, overview))

  router.get('/account/two-step/off/', (ctx) => gatehouse.pages.leave(ctx, gatehouse.url(name)))
  router.post(
    '/account/two-step/off/',
    requireRecentSecond,
    onSubmit(turningOff, gatehouse, async (ctx, values) => {
      if (isSecondRequired(gatehouse, loginOf(ctx).user)) return refuseOff(ctx, gatehouse)
      const isEnded = await end(ctx, gatehouse, fingerprint(ctx, gatehouse, values))
      gatehouse.pages.leave(ctx, gatehouse.url(name), { message: isEnded ? OFF : OFF_ALREADY })
    }),
  )

  router.get('/account/two-step/keep/', (ctx) => gatehouse.pages.leave(ctx, gatehouse.url(name)))
  // Any session may do it, without a code: a thief who does only makes the account safer.
  router.post(
    '/account/two-step/keep/',
    requireUser,
    onSubmit(keeping, gatehouse, async (ctx) => {
      const isKept = await cancelLost(originOf(ctx, gatehouse), gatehouse, loginOf(ctx).user)
      const link = { href: gatehouse.url('account/password'), message: CHANGE_PASSWORD }
      gatehouse.pages.leave(ctx, gatehouse.url(name), {
        message: isKept ? KEPT : KEPT_ALREADY,
        ...(isKept && gatehouse.offers('account/password') && { link }),
      })
    }),
  )
}

async function around(ctx: Context): Promise<object> {
  const gatehouse = gatehouseOf(ctx)
  const { user } = loginOf(ctx)
  const rule = { isRequired: isSecondRequired(gatehouse, user), dueAt: upcomingSecondAt(gatehouse, user) }
  if (user.secondStepAt === null) {
    return {
      ...rule,
      isOn: false,
      canTurnOn: canTurnOn(gatehouse, user),
      isAway: await isAway(gatehouse, user),
    }
  }
  const { main } = gatehouse.database
  const [app, codes, account] = [
    await apps.ofUser(main, user.id),
    await recovery.countOf(main, user.id),
    await users.byId(main, user.id),
  ]
  const trusted = account && trustedUntil(ctx, gatehouse, account)
  const isAppAhead = app !== undefined && isAhead(app.lastStep, app.usedAt ?? app.createdAt)
  return { ...rule, isOn: true, since: user.secondStepAt, app, isAppAhead, codes, trusted }
}

function refuseOff(ctx: Context, { pages, url }: Gatehouse): void {
  pages.problem(ctx, { status: 403, error: REQUIRED_HERE, link: { href: url(name), message: BACK } })
}

async function end(ctx: Context, gatehouse: Gatehouse, form: string): Promise<boolean> {
  const { session, user } = loginOf(ctx)
  if (user.secondStepAt === null) return await isRepeated(ctx, gatehouse, form)
  const renewal = renewalOf(ctx, gatehouse, { form, proved: 'nothing' })
  const ended = await turnOff(originOf(ctx, gatehouse), gatehouse, user, {
    session: { id: session.id, renew: renewal.store },
  })
  if (ended === undefined) return await isRepeated(ctx, gatehouse, form)
  await renewal.setCookies()
  stayKnown(ctx, gatehouse, { stamp: ended.stamp })
  forgetCodes(ctx)
  return true
}

async function isRepeated(ctx: Context, gatehouse: Gatehouse, form: string): Promise<boolean> {
  if (!(await repeatChange(ctx, gatehouse, form))) return false
  forgetCodes(ctx)
  return true
}
