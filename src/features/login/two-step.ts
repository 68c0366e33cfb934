import type Router from '@koa/router'
import type { Context, Middleware } from 'koa'
import { normalizeCode } from '../../accounts/codes.js'
import { eventOf } from '../../accounts/history.js'
import { lostOf } from '../../accounts/second-lost.js'
import { isSecondRequired } from '../../accounts/second-rule.js'
import { methodOf, proveSecond, SECOND_WRONG, type SecondProof } from '../../accounts/second-step.js'
import type { Account, User } from '../../tables/users.js'
import { type Gatehouse, gatehouseOf } from '../../visitor/gatehouse.js'
import { userOf } from '../../visitor/guards.js'
import { hasLink } from '../../visitor/links.js'
import { advance, type LoginState, passedBefore, waitingForSecond } from '../../visitor/login-steps.js'
import { originOf } from '../../visitor/origin.js'
import { welcome } from '../../visitor/welcome.js'
import type { FieldError, Form } from '../../web/form.js'
import { fingerprint, onSubmit, type Sent } from '../../web/submit.js'

export const name = 'login/two-step'
export const partOf = 'account/two-step'

type FieldName = 'code' | 'trust'

const form: Form<FieldName> = { name, fields: ['code', 'trust'], secret: ['code'], around }

const HALF_OLD = {
  code: 'second_half_old',
  sentence:
    'Your login was not finished within 10 minutes, or you have logged in elsewhere since. Log in again.',
}

type Waiting = NonNullable<Awaited<ReturnType<typeof waitingForSecond>>>

export function routes(router: Router, gatehouse: Gatehouse): void {
  router.get('/login/two-step/', requireHalfLogin, (ctx) => gatehouse.pages.form(ctx, form))

  router.post(
    '/login/two-step/verify/',
    onSubmit(form, gatehouse, async (ctx, values) => {
      const login = await logIn(ctx, gatehouse, values)
      if (login === undefined) return leaveForLogin(ctx, gatehouse)
      if (!login.ok) return await gatehouse.pages.refuse(ctx, form, { errors: [login.error], values })
      await welcome(ctx, gatehouse, form, { ...login, values: {} })
    }),
  )
}

export const requireHalfLogin: Middleware = async (ctx, next) => {
  const gatehouse = gatehouseOf(ctx)
  if ((await waitingForSecond(ctx, gatehouse)) === undefined) return leaveForLogin(ctx, gatehouse)
  await next()
}

export function leaveForLogin(ctx: Context, { pages, places, url }: Gatehouse): void {
  if (userOf(ctx) === undefined) pages.leave(ctx, url('login'), { message: HALF_OLD })
  else pages.leave(ctx, places.afterLogin)
}

async function around(ctx: Context): Promise<object> {
  const gatehouse = gatehouseOf(ctx)
  const user = (await waitingForSecond(ctx, gatehouse))?.account.user
  return {
    name: user?.name ?? '',
    isRequired: user !== undefined && isSecondRequired(gatehouse, user),
    lost: user && lostOf(gatehouse, user),
    hasLink: hasLink(ctx, 'second-lost'),
  }
}

type Outcome = { ok: true; user: User; isReopened: boolean; next: string } | { ok: false; error: FieldError }

async function logIn(
  ctx: Context,
  gatehouse: Gatehouse,
  values: Sent<FieldName>,
): Promise<Outcome | undefined> {
  const print = fingerprint(ctx, gatehouse, values, normalizeCode(values.code), values.trust)
  const waiting = await waitingForSecond(ctx, gatehouse)
  const outcome = waiting && (await prove(ctx, gatehouse, waiting, values, print))
  if (outcome?.ok) return outcome
  // After a double click the browser keeps only the last response.
  const before = await passedBefore(ctx, gatehouse, print)
  return before === undefined ? outcome : await finish(ctx, gatehouse, before, { values, print })
}

async function prove(
  ctx: Context,
  gatehouse: Gatehouse,
  waiting: Waiting,
  values: Sent<FieldName>,
  print: string,
): Promise<Outcome> {
  const origin = originOf(ctx, gatehouse)
  const outcome = await proveSecond(origin, gatehouse, {
    account: waiting.account,
    typed: values.code,
  })
  return outcome.ok ? finish(ctx, gatehouse, waiting, { values, print, proof: outcome.proof }) : outcome
}

async function finish(
  ctx: Context,
  gatehouse: Gatehouse,
  { account, methods, kept, next }: Waiting,
  { values, print, proof }: { values: Sent<FieldName>; print: string; proof?: SecondProof },
): Promise<Outcome> {
  const method = methodOf(normalizeCode(values.code))
  const login: LoginState = await advance(ctx, gatehouse, {
    account,
    methods: method === undefined ? methods : [...methods, method],
    kept,
    next,
    form: print,
    isTrusting: values.trust !== '',
    ...(proof && { proof }),
  })
  if (login.state === 'begun' && proof !== undefined && values.trust !== '')
    noteTrust(ctx, gatehouse, account)
  return login.state === 'begun'
    ? { ok: true, ...login, user: account.user, next }
    : { ok: false, error: SECOND_WRONG }
}

function noteTrust(ctx: Context, gatehouse: Gatehouse, { user }: Account): void {
  const trusted = { kind: 'browser_trusted', userId: user.id } as const
  gatehouse.events.note(eventOf(originOf(ctx, gatehouse), gatehouse, trusted))
}
