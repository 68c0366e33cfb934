import type Router from '@koa/router'
import type { Context, Middleware } from 'koa'
import {
  checkPassword,
  NO_PASSWORD,
  PASSWORD_WRONG,
  type PasswordCheck,
} from '../../accounts/authentication.js'
import * as fields from '../../accounts/fields.js'
import { onPassword, withinHintLimit } from '../../accounts/hints.js'
import { REPEAT_WINDOW } from '../../accounts/lifetimes.js'
import { changePassword } from '../../accounts/password.js'
import { isEnough, workingPasskeys } from '../../accounts/passwordless.js'
import { normalizePassword } from '../../secrets/password.js'
import * as sessions from '../../tables/sessions.js'
import * as users from '../../tables/users.js'
import type { FeatureLink } from '../../visitor/feature.js'
import { type Gatehouse, gatehouseOf } from '../../visitor/gatehouse.js'
import { requireRecentIfTwoStep, requireRecentSecond, userOf } from '../../visitor/guards.js'
import { stayKnown } from '../../visitor/known-devices.js'
import { loginOf } from '../../visitor/logins.js'
import { originOf } from '../../visitor/origin.js'
import { relyingPartyOf } from '../../visitor/passkeys.js'
import { renewalOf } from '../../visitor/renewal.js'
import type { FieldError, Form, Hint } from '../../web/form.js'
import { fingerprint, onSubmit, onTyping, type Sent } from '../../web/submit.js'

export const name = 'account/password'
export const links: readonly FeatureLink[] = [
  {
    on: 'account',
    group: 'security',
    order: 30,
    title: { code: 'account_password_link', sentence: 'Change password' },
    hint: { code: 'account_password_link_hint', sentence: 'Choose a new one' },
  },
]

type FieldName = 'current' | 'password' | 'repassword'

export const form: Form<FieldName> = {
  name,
  fields: ['current', 'password', 'repassword'],
  secret: ['current', 'password', 'repassword'],
  hinted: ['password'],
  around,
}

const CHANGED = { code: 'password_changed', sentence: 'Your password has been changed.' }
export const CHANGED_EVERYWHERE = {
  code: 'password_changed_others',
  sentence: 'Your password has been changed, and all other devices are logged out ({count}).',
}
export const GO_ON = { code: 'password_changed_go_on', sentence: 'Continue to your account' }
export const CURRENT_MISSING: FieldError = { ...NO_PASSWORD, field: 'current' }
const CURRENT_WRONG: FieldError = { ...PASSWORD_WRONG, field: 'current' }
const SAME: FieldError = {
  field: 'password',
  code: 'password_same',
  sentence: 'Choose a password that is different from your current one.',
}
const SET = {
  code: 'password_set',
  sentence: 'Your account has a password now. All other devices are logged out.',
}
const OVERTAKEN: FieldError = {
  code: 'password_overtaken',
  sentence: 'Your password was just changed, in another tab or on another device, so this one was not saved.',
}

export function routes(router: Router, gatehouse: Gatehouse): void {
  router.get('/account/password/', requireProof, (ctx) => gatehouse.pages.form(ctx, form))

  router.post(
    '/account/password/hints/',
    onTyping(form, gatehouse, (ctx, values) => hintsFor(ctx, gatehouse, values)),
  )

  router.post(
    '/account/password/verify/',
    requireProof,
    onSubmit(form, gatehouse, async (ctx, values) => {
      const outcome = await change(ctx, gatehouse, values)
      if (!outcome.ok) return await gatehouse.pages.refuse(ctx, form, { errors: outcome.errors, values })
      const { count, isFirst } = outcome
      const changed = count > 0 ? { ...CHANGED_EVERYWHERE, params: { count } } : CHANGED
      const message = isFirst ? SET : changed
      await gatehouse.pages.accept(ctx, form, {
        notice: { message },
        to: gatehouse.url('account'),
        onward: GO_ON,
        values,
      })
    }),
  )
}

// Without a current password to ask for, the passkey has to be used first.
const requireProof: Middleware = async (ctx, next) => {
  const user = userOf(ctx)
  const account = user && (await users.byId(gatehouseOf(ctx).database.main, user.id))
  const guard = account?.passwordHash === '' ? requireRecentSecond : requireRecentIfTwoStep
  await guard(ctx, next)
}

async function around(ctx: Context): Promise<object> {
  const gatehouse = gatehouseOf(ctx)
  const { user } = loginOf(ctx)
  const { main } = gatehouse.database
  const account = await users.byId(main, user.id)
  if (account?.passwordHash === '') return { isWithout: true }
  const rpId = relyingPartyOf(ctx, gatehouse)?.id
  const own = rpId === undefined ? [] : await workingPasskeys(main, user.id, rpId)
  return { hasPasskeys: own.length > 0, canRemove: own.length > 0 && isEnough(gatehouse, user, own) }
}

async function hintsFor(ctx: Context, gatehouse: Gatehouse, { password }: Sent<FieldName>): Promise<Hint[]> {
  const user = userOf(ctx)
  if (user === undefined) return []
  return withinHintLimit(originOf(ctx, gatehouse), gatehouse, async () =>
    onPassword(gatehouse, password, fields.ownTextsOf(user)),
  )
}

type Outcome = { ok: true; count: number; isFirst: boolean } | { ok: false; errors: readonly FieldError[] }

async function change(ctx: Context, gatehouse: Gatehouse, values: Sent<FieldName>): Promise<Outcome> {
  const account = await users.byId(gatehouse.database.main, loginOf(ctx).user.id)
  if (account === undefined) return { ok: false, errors: [OVERTAKEN] }
  const isFirst = account.passwordHash === ''
  const errors = passwordErrors(ctx, gatehouse, values, { isFirst })
  // A form that set the first password had no current one.
  const mayBeRepeated = errors.every((error) => error === CURRENT_MISSING)
  if (mayBeRepeated && (await isRepeated(ctx, gatehouse, values)))
    return { ok: true, count: 0, isFirst: values.current === '' }
  if (errors.length > 0) return { ok: false, errors }
  if (!isFirst && !(await isCurrent(ctx, gatehouse, account, values)))
    return { ok: false, errors: [CURRENT_WRONG] }

  const count = await store(ctx, gatehouse, account, values)
  if (count !== undefined) return { ok: true, count, isFirst }
  if (await isRepeated(ctx, gatehouse, values)) return { ok: true, count: 0, isFirst }
  return { ok: false, errors: [OVERTAKEN] }
}

// Does not check the current password, because that costs a hash and an attempt.
function passwordErrors(
  ctx: Context,
  { rules }: Gatehouse,
  values: Sent<FieldName>,
  { isFirst }: { isFirst: boolean },
): FieldError[] {
  const { current, password, repassword } = values
  const { user } = loginOf(ctx)
  const isSame = password !== '' && normalizePassword(password) === normalizePassword(current)
  const rule = fields.newPassword(rules, fields.ownTextsOf(user))
  return [
    ...(current === '' && !isFirst ? [CURRENT_MISSING] : []),
    ...fields.check(rule, password),
    ...(isSame ? [SAME] : []),
    ...fields.check(fields.repeated(password), repassword),
  ]
}

function isCurrent(
  ctx: Context,
  gatehouse: Gatehouse,
  account: users.Account,
  { current }: Sent<FieldName>,
): Promise<boolean> {
  return check(ctx, gatehouse, account, { password: current, failure: 'password_failed' })
}

function check(
  ctx: Context,
  gatehouse: Gatehouse,
  account: users.Account,
  given: Pick<PasswordCheck, 'password' | 'failure'>,
): Promise<boolean> {
  const name = fields.nameKeyOf(account.user.name)
  return checkPassword(originOf(ctx, gatehouse), gatehouse, { name, account, ...given })
}

async function store(
  ctx: Context,
  gatehouse: Gatehouse,
  account: users.Account,
  values: Sent<FieldName>,
): Promise<number | undefined> {
  const { session } = loginOf(ctx)
  const renewal = renewalOf(ctx, gatehouse, { form: passwordFingerprint(ctx, gatehouse, values) })
  const outcome = await changePassword(originOf(ctx, gatehouse), gatehouse, account, {
    password: values.password,
    session: { id: session.id, renew: renewal.store },
  })
  if (outcome === undefined) return undefined
  await renewal.setCookies()
  stayKnown(ctx, gatehouse, { stamp: outcome.stamp })
  return outcome.sessions
}

// After a double click the browser keeps only the second response, so that needs the token and stamp, too. Checks the password,
// which counts as an attempt: someone else may try passwords on a page left open.
async function isRepeated(ctx: Context, gatehouse: Gatehouse, values: Sent<FieldName>): Promise<boolean> {
  const { main, write } = gatehouse.database
  const { session, user } = loginOf(ctx)
  const owned = { id: session.id, userId: user.id }
  const form = passwordFingerprint(ctx, gatehouse, values)
  const isSecond = await sessions.hasRenewed(main, owned, { form, since: gatehouse.now() - REPEAT_WINDOW })
  const account = isSecond ? await users.byId(main, user.id) : undefined
  if (account === undefined) return false
  if (!(await check(ctx, gatehouse, account, { password: values.password }))) return false
  const renewal = renewalOf(ctx, gatehouse, { form })
  if (!(await write(renewal.store))) return false
  await renewal.setCookies()
  stayKnown(ctx, gatehouse, { stamp: account.deviceStamp })
  return true
}

// Another form that renewed the session proved no password.
function passwordFingerprint(ctx: Context, gatehouse: Gatehouse, values: Sent<FieldName>): string {
  return `${fingerprint(ctx, gatehouse, values)}.${name}`
}
