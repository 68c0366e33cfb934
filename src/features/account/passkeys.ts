import type Router from '@koa/router'
import type { Context, Middleware } from 'koa'
import { authenticatorOf } from '../../accounts/authenticators.js'
import * as fields from '../../accounts/fields.js'
import { CHALLENGE_OLD, PASSKEY_WRONG } from '../../accounts/passkey-proof.js'
import { addPasskey, PASSKEY_EXISTS, removePasskey, renamePasskey } from '../../accounts/passkeys.js'
import { isAway } from '../../accounts/second-rule.js'
import * as passkeys from '../../tables/passkeys.js'
import type { FeatureLink } from '../../visitor/feature.js'
import { type Gatehouse, gatehouseOf } from '../../visitor/gatehouse.js'
import { requireRecentSecond, requireUser } from '../../visitor/guards.js'
import { stayKnown } from '../../visitor/known-devices.js'
import { loginOf } from '../../visitor/logins.js'
import { originOf } from '../../visitor/origin.js'
import {
  creationCeremony,
  type Failure,
  failureIn,
  localUrlOf,
  ownSignal,
  presentedBy,
  relyingPartyOf,
} from '../../visitor/passkeys.js'
import { isRecentLogin, isRecentSecond } from '../../visitor/recent.js'
import { renewalOf, repeatChange } from '../../visitor/renewal.js'
import { meetsRuleByPasskey } from '../../visitor/second-passkeys.js'
import type { FieldError, Form, Message, Values } from '../../web/form.js'
import { fingerprint, onSubmit, type Sent } from '../../web/submit.js'

export const name = 'account/passkeys'
export const links: readonly FeatureLink[] = [
  {
    on: 'account',
    group: 'security',
    order: 25,
    title: { code: 'account_passkeys_link', sentence: 'Passkeys' },
    hint: {
      code: 'account_passkeys_link_hint',
      sentence: 'Log in with your fingerprint, face or screen lock',
    },
  },
]

const creating: Form<'credential'> = { name, fields: ['credential'], secret: ['credential'], around }
const removing: Form<never> = { name, fields: [], secret: [], oneButton: true, around }
/** `passkey` is the row in which the name was typed. */
const naming: Form<'name' | 'passkey'> = { name, fields: ['name', 'passkey'], secret: [], around }

export const ADDED = {
  code: 'passkey_added',
  sentence: 'Your passkey is created. You can now log in with it.',
}
const ADDED_SECOND = {
  code: 'passkey_added_second',
  sentence:
    'Your passkey is created, and two-step verification is on. Create recovery codes, too, in case you lose it.',
}
const NAMED = { code: 'passkey_named', sentence: 'The passkey is now called {name}.' }
const NAME_REMOVED = { code: 'passkey_name_removed', sentence: 'The name of the passkey has been removed.' }
export const REMOVED = {
  code: 'passkey_removed',
  sentence: 'The passkey no longer opens your account. All other devices are logged out.',
}
const GONE = { code: 'passkey_gone', sentence: 'This passkey was already removed.' }
const LAST = {
  code: 'passkey_last',
  sentence:
    'This passkey is the only way into your account, so it stays. Set a password or create another passkey first.',
}
const LAST_SECOND = {
  code: 'passkey_last_second',
  sentence:
    'This passkey is your only second step, so it stays. Create another passkey first, or turn off two-step verification.',
}
const BACK = { code: 'passkeys_back', sentence: 'Back to your passkeys' }
export const CANCELED: FieldError = {
  code: 'passkey_not_created',
  sentence: 'No passkey was created. You can try again at any time.',
}
export const UNSUPPORTED: FieldError = {
  code: 'passkey_create_unsupported',
  sentence: 'This browser or device cannot create a passkey here.',
}

export function routes(router: Router, gatehouse: Gatehouse): void {
  router.get('/account/passkeys/', requireUser, (ctx) => gatehouse.pages.form(ctx, creating))

  const toList = (ctx: Context) => gatehouse.pages.leave(ctx, gatehouse.url(name))
  // Asks for all steps of a login before the browser creates a passkey: a refused one would stay on the device.
  router.get('/account/passkeys/new/', requireRecentSecond, toList)
  router.get('/account/passkeys/:id/name/', toList)
  router.get('/account/passkeys/:id/remove/', toList)

  router.post(
    '/account/passkeys/verify/',
    requireRecentSecond,
    requireNotAway,
    onSubmit(creating, gatehouse, (ctx, values) => create(ctx, gatehouse, values)),
  )

  router.post(
    '/account/passkeys/:id/name/',
    requireRecentSecond,
    onSubmit(naming, gatehouse, (ctx, values) => nameChosen(ctx, gatehouse, values)),
  )

  router.post(
    '/account/passkeys/:id/remove/',
    requireRecentSecond,
    onSubmit(removing, gatehouse, (ctx, values) => removeChosen(ctx, gatehouse, values)),
  )
}

// The new passkey could soon stand for both steps of a login. The overview of two-step verification shows what is missing.
const requireNotAway: Middleware = async (ctx, next) => {
  const gatehouse = gatehouseOf(ctx)
  if (!(await isAway(gatehouse, loginOf(ctx).user))) return await next()
  gatehouse.pages.leave(ctx, gatehouse.url('account/two-step'))
}

const removals = new WeakSet<Context>()

async function around(ctx: Context): Promise<object> {
  const gatehouse = gatehouseOf(ctx)
  const { user } = loginOf(ctx)
  const own = await passkeys.ofUser(gatehouse.database.main, user.id)
  return {
    passkeys: own.map((passkey) => ({ ...passkey, authenticator: authenticatorOf(passkey.aaguid) })),
    creation: creationCeremony(ctx, gatehouse, { purpose: 'create', user, own }),
    signal: ownSignal(ctx, gatehouse, { user, own, isEmptied: removals.has(ctx) }),
    isRecent: isRecentLogin(ctx) && isRecentSecond(ctx),
    localUrl: localUrlOf(ctx, gatehouse, name),
  }
}

const FAILURES: Readonly<Record<Failure, FieldError>> = {
  canceled: CANCELED,
  exists: PASSKEY_EXISTS,
  unsupported: UNSUPPORTED,
  failed: PASSKEY_WRONG,
}

async function create(ctx: Context, gatehouse: Gatehouse, values: Sent<'credential'>): Promise<void> {
  const { session, user } = loginOf(ctx)
  const refuse = (error: FieldError) =>
    gatehouse.pages.refuse(ctx, creating, {
      status: error === CHALLENGE_OLD ? 403 : 406,
      errors: [error],
      isHint: error === CANCELED,
      values,
    })
  const presented = presentedBy(ctx, gatehouse, values.credential, { purpose: 'create', userId: user.id })
  if (presented === undefined) return await refuse(UNSUPPORTED)
  const failure = failureIn(values.credential)
  if (failure !== undefined) return await refuse(FAILURES[failure])
  const wanted = { ...presented, session: session.id }
  const added = await addPasskey(originOf(ctx, gatehouse), gatehouse, user, wanted)
  if (!added.ok) return await refuse(added.error)
  if (!(await meetsRuleByPasskey(ctx, gatehouse))) return await stay(ctx, gatehouse, ADDED, values)
  gatehouse.pages.leave(ctx, gatehouse.url('account/two-step'), { message: ADDED_SECOND })
}

async function nameChosen(
  ctx: Context,
  gatehouse: Gatehouse,
  values: Sent<'name' | 'passkey'>,
): Promise<void> {
  const { id = '' } = ctx.params
  const named = fields.normalizeDeviceName(values.name)
  const errors = fields.check(fields.deviceName, named)
  if (errors.length > 0) {
    const atField = errors.map((error) => ({ ...error, field: `name-${id}` }))
    return await gatehouse.pages.refuse(ctx, naming, { errors: atField, values: { ...values, passkey: id } })
  }
  const owned = { id, userId: loginOf(ctx).user.id }
  const own = await passkeys.ofUser(gatehouse.database.main, owned.userId)
  // A repeated form is no event.
  const isSame = own.some((passkey) => passkey.id === id && passkey.name === named)
  const isNamed = isSame || (await renamePasskey(originOf(ctx, gatehouse), gatehouse, owned, named))
  const message = named === '' ? NAME_REMOVED : { ...NAMED, params: { name: named } }
  await stay(ctx, gatehouse, isNamed ? message : GONE, values)
}

async function removeChosen(ctx: Context, gatehouse: Gatehouse, values: Sent<never>): Promise<void> {
  const { session, user } = loginOf(ctx)
  const own = await passkeys.ofUser(gatehouse.database.main, user.id)
  const passkey = own.find(({ id }) => id === ctx.params.id)
  const form = `${fingerprint(ctx, gatehouse, values)}.${ctx.params.id}`
  if (passkey === undefined) return await leaveGone(ctx, gatehouse, values, form)
  const renewal = renewalOf(ctx, gatehouse, { form, proved: 'nothing' })
  const outcome = await removePasskey(originOf(ctx, gatehouse), gatehouse, user, {
    passkey,
    rpId: relyingPartyOf(ctx, gatehouse)?.id ?? '',
    session: { id: session.id, renew: renewal.store },
  })
  if (outcome.state === 'last') return refuseLast(ctx, gatehouse, LAST)
  if (outcome.state === 'second') return refuseLast(ctx, gatehouse, LAST_SECOND)
  if (outcome.state === 'gone') return await leaveGone(ctx, gatehouse, values, form)
  await renewal.setCookies()
  stayKnown(ctx, gatehouse, { stamp: outcome.stamp })
  await acceptRemoval(ctx, gatehouse, values)
}

async function leaveGone(
  ctx: Context,
  gatehouse: Gatehouse,
  values: Sent<never>,
  form: string,
): Promise<void> {
  if (await repeatChange(ctx, gatehouse, form)) return await acceptRemoval(ctx, gatehouse, values)
  await stay(ctx, gatehouse, GONE, values)
}

function acceptRemoval(ctx: Context, gatehouse: Gatehouse, values: Sent<never>): Promise<void> {
  removals.add(ctx)
  return stay(ctx, gatehouse, REMOVED, values)
}

function refuseLast(ctx: Context, { pages, url }: Gatehouse, error: Message): void {
  pages.problem(ctx, { status: 403, error, link: { href: url(name), message: BACK } })
}

function stay(ctx: Context, gatehouse: Gatehouse, message: Message, values: Partial<Values>): Promise<void> {
  return gatehouse.pages.accept(ctx, removing, { notice: { message }, to: gatehouse.url(name), values })
}
