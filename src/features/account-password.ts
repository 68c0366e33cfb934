import type Router from '@koa/router'
import type { Context } from 'koa'
import { countMail } from '../asking.js'
import { checkPassword, PASSWORD_WRONG } from '../authentication.js'
import { newDeviceStamp, rememberDevice } from '../devices.js'
import { happens } from '../events.js'
import * as fields from '../fields.js'
import { requireUser } from '../guards.js'
import type { House } from '../house.js'
import { circumstances } from '../notices.js'
import { loginOf, renewedToken } from '../sessions.js'
import * as sessions from '../tables/sessions.js'
import * as tokens from '../tables/tokens.js'
import * as users from '../tables/users.js'
import type { Broken, Form, Message } from '../web/form.js'
import { leaving } from '../web/leaving.js'
import { fingerprint, onSubmit, type Sent } from '../web/submit.js'

export const name = 'account-password'

type FieldName = 'current' | 'password' | 'repassword'

const form: Form<FieldName> = {
  name,
  fields: ['current', 'password', 'repassword'],
  secret: ['current', 'password', 'repassword'],
}

const NO_CURRENT = {
  field: 'current',
  code: 'password_current_missing',
  sentence: 'Enter your current password.',
}
const SAME = {
  field: 'password',
  code: 'password_same',
  sentence: 'Password: not the one that you have already.',
}
const CHANGED_MEANWHILE = {
  code: 'password_changed_meanwhile',
  sentence: 'Your password was changed just now, in another tab or on another device. Nothing was done here.',
}
const CHANGED = {
  code: 'password_changed',
  sentence: 'Your password is changed.',
}
const CHANGED_OTHERS = {
  code: 'password_changed_others',
  sentence: 'Your password is changed, and all other devices are logged out: {count}.',
}
const GO_ON = { code: 'password_changed_go_on', sentence: 'Go on' }

export function routes(router: Router, house: House): void {
  router.get('/account/password/', requireUser, (ctx) => house.pages.form(ctx, form))

  router.post(
    '/account/password/verify/',
    requireUser,
    onSubmit(form, house, async (ctx, values) => {
      const once = fingerprint(ctx, values)
      if (await sessions.isOfForm(house.database.main, loginOf(ctx).session.id, once)) {
        return await goOn(ctx, house, CHANGED)
      }
      const account = await users.byId(house.database.main, loginOf(ctx).user.id)
      const errors = await objections(ctx, house, account, values)
      if (errors.length > 0) return await house.pages.refuse(ctx, form, { errors, values })
      const count = account && (await change(ctx, house, account, { password: values.password, once }))
      if (count === undefined) {
        return await house.pages.refuse(ctx, form, { errors: [CHANGED_MEANWHILE], values })
      }
      await goOn(ctx, house, told(count))
    }),
  )
}

async function goOn(ctx: Context, house: House, message: Message): Promise<void> {
  const to = house.url('account')
  await house.pages.accept(ctx, form, { notice: { message }, to, onward: GO_ON, values: {} })
}

function told(count: number): Message {
  return count > 0 ? { ...CHANGED_OTHERS, params: { count } } : CHANGED
}

/** Every rule that is broken; the current password is looked at, and counted, when nothing else is wrong. */
async function objections(
  ctx: Context,
  house: House,
  account: users.Account | undefined,
  { current, password, repassword }: Sent<FieldName>,
): Promise<Broken[]> {
  if (account === undefined) return [CHANGED_MEANWHILE]
  const { name, email } = account.user
  const { passwordMinLength } = house.rules
  const errors = [
    ...(current === '' ? [NO_CURRENT] : []),
    ...fields.check(fields.newPassword({ minLength: passwordMinLength, own: [name, email] }), password),
    ...fields.check(fields.repeated(password), repassword),
  ]
  if (errors.length > 0) return errors
  const check = { name: fields.fold(name), account, password: current, failure: 'password_failed' } as const
  if (!(await checkPassword(ctx, house, check))) return [{ ...PASSWORD_WRONG, field: 'current' }]
  return fields.check(fields.repeated(current), password).length === 0 ? [SAME] : []
}

/**
 * Sets the password, unless that was changed since it was looked at, and ends what was opened by the former one: other
 * sessions, what other devices know, mailed links, a change of address that somebody else may have begun. Answers how many
 * other devices were logged in.
 */
async function change(
  ctx: Context,
  house: House,
  { user, passwordHash }: users.Account,
  { password, once }: { password: string; once: string },
): Promise<number | undefined> {
  await countMail(ctx, house, { kind: 'password-changed', userId: user.id, address: user.email })
  const renewed = await house.passwords.hash(password, leaving(ctx))
  const stamp = newDeviceStamp()
  const token = renewedToken(ctx, house, { form: once })
  const now = house.now()
  const count = await happens(
    ctx,
    house,
    { kind: 'password_changed', userId: user.id },
    async (transaction) => {
      const change = { passwordHash: renewed, deviceStamp: stamp, now, insteadOf: passwordHash }
      if (!(await users.setPassword(transaction, user.id, change))) return undefined
      await users.setNextEmail(transaction, user.id, { nextEmail: null, now })
      await tokens.revoke(transaction, user.id, ['password-reset', 'email-change'])
      await token.store(transaction)
      const facts = { to: user.email, ...circumstances(ctx, house) }
      await house.outbox.post(transaction, { kind: 'password-changed', userId: user.id, facts })
      return sessions.closeAll(transaction, user.id, { now, except: loginOf(ctx).session.id })
    },
  )
  if (count === undefined) return undefined
  token.keep()
  rememberDevice(ctx, house, { userId: user.id, stamp })
  return count
}
