import type Router from '@koa/router'
import type { Context, Middleware } from 'koa'
import { appOf } from '../../accounts/app-secrets.js'
import type { Origin } from '../../accounts/origin.js'
import { isAway } from '../../accounts/second-rule.js'
import { addApp, canTurnOn, checkApp, replaceApp, type SetUp, turnOn } from '../../accounts/two-step.js'
import { appUri } from '../../secrets/authenticator.js'
import * as apps from '../../tables/authenticator-apps.js'
import * as users from '../../tables/users.js'
import { qrOf } from '../../views/qr.js'
import { type Gatehouse, gatehouseOf } from '../../visitor/gatehouse.js'
import { requireRecentSecond } from '../../visitor/guards.js'
import { rememberDevice } from '../../visitor/known-devices.js'
import { loginOf } from '../../visitor/logins.js'
import { originOf } from '../../visitor/origin.js'
import { renewalOf, repeatRenewal } from '../../visitor/renewal.js'
import { forgetSetUp, keepCodes, keptSetUp, setUpOf } from '../../visitor/two-step-notes.js'
import type { FieldError, Form } from '../../web/form.js'
import { fingerprint, onSubmit, type Sent } from '../../web/submit.js'

export const name = 'account/authenticator'
export const partOf = 'account/two-step'

const form: Form<'code'> = { name, fields: ['code'], secret: ['code'], around }

export const APP_ON = {
  code: 'app_on',
  sentence:
    'Two-step verification is on, and all other devices are logged out. Keep these recovery codes somewhere safe.',
}
const APP_REPLACED = {
  code: 'app_replaced',
  sentence:
    'Your new authenticator app is set up. The old one no longer works, and all other devices are logged out.',
}
const APP_ADDED = {
  code: 'app_added',
  sentence: 'Your authenticator app is set up, and all other devices are logged out.',
}
const SET_UP_EXPIRED: FieldError = {
  code: 'app_set_up_expired',
  sentence:
    'This page was open for more than 30 minutes, so here is a new QR code. Scan it, then enter the code.',
}
const CHANGED: FieldError = {
  code: 'second_changed_meanwhile',
  sentence:
    'Two-step verification was just changed, in another tab or on another device. Nothing was changed here.',
}

export function routes(router: Router, gatehouse: Gatehouse): void {
  router.get('/account/authenticator/', requireRecentSecond, requireReady, (ctx) =>
    gatehouse.pages.form(ctx, form),
  )

  router.post(
    '/account/authenticator/verify/',
    requireRecentSecond,
    requireReady,
    onSubmit(form, gatehouse, (ctx, values) => setUp(ctx, gatehouse, values)),
  )
}

const requireReady: Middleware = async (ctx, next) => {
  const gatehouse = gatehouseOf(ctx)
  const { user } = loginOf(ctx)
  const isReady = user.secondStepAt !== null || canTurnOn(gatehouse, user)
  if (isReady && !(await isAway(gatehouse, user))) return await next()
  gatehouse.pages.leave(ctx, gatehouse.url(partOf))
}

async function hasApp({ database }: Gatehouse, { id }: users.User): Promise<boolean> {
  return (await apps.ofUser(database.main, id)) !== undefined
}

async function around(ctx: Context): Promise<object> {
  const gatehouse = gatehouseOf(ctx)
  const { user } = loginOf(ctx)
  const { secret } = await setUpOf(ctx, gatehouse)
  const uri = appUri({ site: gatehouse.siteName, name: user.name, secret })
  const groups = secret.match(/.{1,4}/g) ?? []
  return { isOn: await hasApp(gatehouse, user), uri, qr: await qrOf(uri), key: groups.join(' ') }
}

async function setUp(ctx: Context, gatehouse: Gatehouse, values: Sent<'code'>): Promise<void> {
  const kept = keptSetUp(ctx, gatehouse)
  if (kept === undefined)
    return await gatehouse.pages.refuse(ctx, form, { errors: [SET_UP_EXPIRED], values: {} })
  const print = fingerprint(ctx, gatehouse, values)
  const before = await repeated(ctx, gatehouse, kept, print)
  if (before !== undefined) return goOn(ctx, gatehouse, before)
  const proved = await checkApp(gatehouse, kept, values.code)
  if (!proved.ok) return await gatehouse.pages.refuse(ctx, form, { errors: [proved.error], values })
  const done =
    (await store(ctx, gatehouse, { ...kept, step: proved.step, print })) ??
    (await repeated(ctx, gatehouse, kept, print))
  if (done === undefined) return await gatehouse.pages.refuse(ctx, form, { errors: [CHANGED], values })
  goOn(ctx, gatehouse, done)
}

type Kind = 'first' | 'added' | 'replaced'

async function repeated(
  ctx: Context,
  gatehouse: Gatehouse,
  { secret, seed }: SetUp,
  print: string,
): Promise<Kind | undefined> {
  const { user } = loginOf(ctx)
  const account = await users.byId(gatehouse.database.main, user.id)
  const app = await appOf(gatehouse, user.id)
  // Another tab may have replaced that app since.
  if (account === undefined || app?.secret !== secret) return undefined
  if (!(await repeatRenewal(ctx, gatehouse, print))) return undefined
  const kind = app.createdAt === account.user.secondStepAt ? 'first' : 'replaced'
  remember(ctx, gatehouse, { kind, seed, stamp: account.deviceStamp })
  return kind
}

async function kindFor(gatehouse: Gatehouse, user: users.User): Promise<Kind> {
  if (user.secondStepAt === null) return 'first'
  return (await hasApp(gatehouse, user)) ? 'replaced' : 'added'
}

async function store(
  ctx: Context,
  gatehouse: Gatehouse,
  { print, ...setUp }: SetUp & { step: number; print: string },
): Promise<Kind | undefined> {
  const { session, user } = loginOf(ctx)
  const kind = await kindFor(gatehouse, user)
  const renewal = renewalOf(ctx, gatehouse, { form: print, proved: 'second' })
  const origin = originOf(ctx, gatehouse)
  const proved = { ...setUp, session: { id: session.id, renew: renewal.store } }
  const outcome = await changeApp(origin, gatehouse, user, { ...proved, kind })
  if (outcome === undefined) return undefined
  await renewal.setCookies()
  remember(ctx, gatehouse, { kind, seed: setUp.seed, stamp: outcome.stamp })
  return kind
}

function changeApp(
  origin: Origin,
  gatehouse: Gatehouse,
  user: users.User,
  { kind, ...proved }: Parameters<typeof turnOn>[3] & { kind: Kind },
): ReturnType<typeof turnOn> {
  if (kind === 'first') return turnOn(origin, gatehouse, user, proved)
  if (kind === 'added') return addApp(origin, gatehouse, user, proved)
  return replaceApp(origin, gatehouse, user, proved)
}

function remember(
  ctx: Context,
  gatehouse: Gatehouse,
  { kind, seed, stamp }: { kind: Kind; seed: string; stamp: string },
): void {
  rememberDevice(ctx, gatehouse, { userId: loginOf(ctx).user.id, stamp, second: true })
  forgetSetUp(ctx)
  if (kind === 'first') keepCodes(ctx, gatehouse, seed)
}

function goOn(ctx: Context, { pages, url }: Gatehouse, kind: Kind): void {
  if (kind === 'first') pages.leave(ctx, url('account/recovery-codes'), { message: APP_ON })
  else pages.leave(ctx, url(partOf), { message: kind === 'added' ? APP_ADDED : APP_REPLACED })
}
