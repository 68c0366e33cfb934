import type Router from '@koa/router'
import type { Context } from 'koa'
import { checkPassword, NO_PASSWORD, PASSWORD_WRONG } from '../../accounts/authentication.js'
import * as fields from '../../accounts/fields.js'
import { onPassword, whileAllowed } from '../../accounts/hints.js'
import { happens } from '../../accounts/history.js'
import { countMail } from '../../accounts/mail-limits.js'
import { normalizePassword } from '../../secrets/password.js'
import * as sessions from '../../tables/sessions.js'
import * as tokens from '../../tables/tokens.js'
import * as users from '../../tables/users.js'
import type { House } from '../../visitor/gatehouse.js'
import { requireUser, userOf } from '../../visitor/guards.js'
import { newDeviceStamp, rememberDevice } from '../../visitor/known-devices.js'
import { circumstances } from '../../visitor/origin.js'
import { loginOf, renewalOf } from '../../visitor/session.js'
import { refuseIfLeft } from '../../web/disconnect.js'
import type { Advice, Broken, Form } from '../../web/form.js'
import { fingerprint, onSubmit, onTyping, type Sent } from '../../web/submit.js'

export const name = 'account/password'

type FieldName = 'current' | 'password' | 'repassword'

const form: Form<FieldName> = {
  name,
  fields: ['current', 'password', 'repassword'],
  secret: ['current', 'password', 'repassword'],
  advised: ['password'],
}

const CHANGED = { code: 'password_changed', sentence: 'Your password is changed.' }
const CHANGED_EVERYWHERE = {
  code: 'password_changed_others',
  sentence: 'Your password is changed, and all other devices are logged out: {count}.',
}
const GO_ON = { code: 'password_changed_go_on', sentence: 'Go on to your account' }
const CURRENT_MISSING: Broken = { ...NO_PASSWORD, field: 'current' }
const CURRENT_WRONG: Broken = { ...PASSWORD_WRONG, field: 'current' }
const SAME: Broken = {
  field: 'password',
  code: 'password_same',
  sentence: 'New password: another one than the current one.',
}
const OVERTAKEN: Broken = {
  code: 'password_overtaken',
  sentence: 'Your password was changed just now in another place, so this one was not saved.',
}

export function routes(router: Router, house: House): void {
  router.get('/account/password/', requireUser, (ctx) => house.pages.form(ctx, form))

  router.post(
    '/account/password/advice/',
    onTyping(form, house, (ctx, values) => advise(ctx, house, values)),
  )

  router.post(
    '/account/password/verify/',
    requireUser,
    onSubmit(form, house, async (ctx, values) => {
      const outcome = await change(ctx, house, values)
      if (!outcome.ok) return await house.pages.refuse(ctx, form, { errors: outcome.errors, values })
      const { count } = outcome
      const message = count > 0 ? { ...CHANGED_EVERYWHERE, params: { count } } : CHANGED
      await house.pages.accept(ctx, form, {
        notice: { message },
        to: house.url('account'),
        onward: GO_ON,
        values,
      })
    }),
  )
}

async function advise(ctx: Context, house: House, { password }: Sent<FieldName>): Promise<Advice[]> {
  const user = userOf(ctx)
  if (user === undefined) return []
  return whileAllowed(ctx, house, async () => onPassword(house, password, [user.name, user.email]))
}

/** `count` is how many other devices were logged out. */
type Outcome = { ok: true; count: number } | { ok: false; errors: readonly Broken[] }

/** Changes the password, or answers everything that is wrong. A form that arrives twice gets a yes both times. */
async function change(ctx: Context, house: House, values: Sent<FieldName>): Promise<Outcome> {
  const errors = objections(ctx, house, values)
  if (errors.length > 0) return { ok: false, errors }
  const account = await users.byId(house.database.main, loginOf(ctx).user.id)
  if (account === undefined) return { ok: false, errors: [OVERTAKEN] }
  if (await isRepeated(ctx, house, values)) return { ok: true, count: 0 }
  if (!(await isCurrent(ctx, house, account, values))) return { ok: false, errors: [CURRENT_WRONG] }

  const count = await store(ctx, house, account, values)
  if (count !== undefined) return { ok: true, count }
  if (await isRepeated(ctx, house, values)) return { ok: true, count: 0 }
  return { ok: false, errors: [OVERTAKEN] }
}

/** Every rule that is broken, in the order of the fields; whether the current password is right costs a hash, and a try. */
function objections(ctx: Context, { rules }: House, values: Sent<FieldName>): Broken[] {
  const { current, password, repassword } = values
  const { user } = loginOf(ctx)
  const isSame = password !== '' && normalizePassword(password) === normalizePassword(current)
  const rule = fields.newPassword(rules, [user.name, user.email])
  return [
    ...(current === '' ? [CURRENT_MISSING] : []),
    ...fields.check(rule, password),
    ...(isSame ? [SAME] : []),
    ...fields.check(fields.repeated(password), repassword),
  ]
}

function isCurrent(
  ctx: Context,
  house: House,
  account: users.Account,
  { current }: Sent<FieldName>,
): Promise<boolean> {
  const name = fields.nameKeyOf(account.user.name)
  return checkPassword(ctx, house, { name, account, password: current, failure: 'password_failed' })
}

/**
 * Stores the new password if the former one is still that of `account`, and answers how many other devices this has logged
 * out. A change of address that is not confirmed yet ends too: whoever knew the former password may have begun it.
 */
async function store(
  ctx: Context,
  house: House,
  { user, passwordHash }: users.Account,
  values: Sent<FieldName>,
): Promise<number | undefined> {
  await countMail(ctx, house, { kind: 'password-changed', userId: user.id, address: user.email })
  const hash = await house.passwords.hash(values.password, () => refuseIfLeft(ctx))
  const now = house.now()
  const stamp = newDeviceStamp()
  const renewal = renewalOf(ctx, house, { form: fingerprint(ctx, house, values) })
  const facts = { to: user.email, ...circumstances(ctx, house) }
  const count = await happens(
    ctx,
    house,
    { kind: 'password_changed', userId: user.id },
    async (transaction) => {
      const next = { passwordHash: hash, deviceStamp: stamp, now, insteadOf: passwordHash }
      if (!(await users.setPassword(transaction, user.id, next))) return undefined
      await renewal.store(transaction)
      await tokens.revoke(transaction, user.id, ['password-reset', 'email-change'])
      await users.setNextEmail(transaction, user.id, { nextEmail: null, now })
      await house.outbox.post(transaction, { kind: 'password-changed', userId: user.id, facts })
      return sessions.closeAll(transaction, user.id, { now, except: loginOf(ctx).session.id })
    },
  )
  if (count === undefined) return undefined
  await renewal.carry()
  rememberDevice(ctx, house, { userId: user.id, stamp })
  return count
}

/**
 * Whether this very form has changed the password already: of a button pressed twice the browser keeps the second answer
 * alone, which has to bring the token and the stamp again. With another password it is not the same form.
 */
async function isRepeated(ctx: Context, house: House, values: Sent<FieldName>): Promise<boolean> {
  const { main, write } = house.database
  const { session, user } = loginOf(ctx)
  const owned = { id: session.id, userId: user.id }
  const isSecond = await sessions.isOfForm(main, owned, fingerprint(ctx, house, values))
  const account = isSecond ? await users.byId(main, user.id) : undefined
  if (account === undefined) return false
  if (!(await house.passwords.verify(account.passwordHash, values.password, () => refuseIfLeft(ctx))))
    return false
  const renewal = renewalOf(ctx, house, { form: fingerprint(ctx, house, values) })
  if (!(await write(renewal.store))) return false
  await renewal.carry()
  rememberDevice(ctx, house, { userId: user.id, stamp: account.deviceStamp })
  return true
}
