import type Router from '@koa/router'
import type { Context, Middleware } from 'koa'
import { normalizeCode } from '../../accounts/codes.js'
import { eventOf } from '../../accounts/history.js'
import type { Method, Proof } from '../../accounts/login-methods.js'
import { lostOf } from '../../accounts/second-lost.js'
import { isSecondRequired } from '../../accounts/second-rule.js'
import { methodOf, proveSecond, SECOND_WRONG } from '../../accounts/second-step.js'
import * as apps from '../../tables/authenticator-apps.js'
import type { Account } from '../../tables/users.js'
import { type Gatehouse, gatehouseOf } from '../../visitor/gatehouse.js'
import { userOf } from '../../visitor/guards.js'
import { hasLink } from '../../visitor/links.js'
import { advance, type LoginState, passedBefore, waitingForSecond } from '../../visitor/login-steps.js'
import { originOf } from '../../visitor/origin.js'
import { ownCeremony } from '../../visitor/passkeys.js'
import { welcome } from '../../visitor/welcome.js'
import type { FieldError, Form } from '../../web/form.js'
import { fingerprint, onSubmit, type Sent } from '../../web/submit.js'

export const name = 'login/two-step'
export const partOf = 'account/two-step'

type FieldName = 'code' | 'trust'

export const form: Form<FieldName> = { name, fields: ['code', 'trust'], secret: ['code'], around }

const PASSWORD_EXPIRED = {
  code: 'second_expired',
  sentence:
    'Your login was not finished within 10 minutes, or you have logged in elsewhere since. Log in again.',
}

export type Waiting = NonNullable<Awaited<ReturnType<typeof waitingForSecond>>>

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
  if (userOf(ctx) === undefined) pages.leave(ctx, url('login'), { message: PASSWORD_EXPIRED })
  else pages.leave(ctx, places.afterLogin)
}

async function around(ctx: Context): Promise<object> {
  const gatehouse = gatehouseOf(ctx)
  const { account, methods = [] } = (await waitingForSecond(ctx, gatehouse)) ?? {}
  const user = account?.user
  // The same device twice is only one factor.
  const mustVerify = methods.includes('passkey')
  return {
    passkey: user && (await ownCeremony(ctx, gatehouse, { user, purpose: 'second', mustVerify })),
    name: user?.name ?? '',
    hasApp: user && (await apps.ofUser(gatehouse.database.main, user.id)) !== undefined,
    isRequired: user !== undefined && isSecondRequired(gatehouse, user),
    lost: user && lostOf(gatehouse, user),
    hasLink: hasLink(ctx, 'second-lost'),
  }
}

type Outcome = { ok: true; isReopened: boolean; next: string } | { ok: false; error: FieldError }

function logIn(ctx: Context, gatehouse: Gatehouse, values: Sent<FieldName>): Promise<Outcome | undefined> {
  const method = methodOf(normalizeCode(values.code))
  return logInBySecond(ctx, gatehouse, {
    print: fingerprint(ctx, gatehouse, values, normalizeCode(values.code), values.trust),
    isTrusting: values.trust !== '',
    methods: method === undefined ? [] : [method],
    wrong: SECOND_WRONG,
    async prove({ account }) {
      const outcome = await proveSecond(originOf(ctx, gatehouse), gatehouse, { account, typed: values.code })
      return outcome.ok ? { ...outcome, methods: [outcome.proof.method] } : outcome
    },
  })
}

export interface SecondTry {
  /** Fingerprint of the form and of what it proves. */
  print: string
  isTrusting: boolean
  /** What a repeated form proved the first time. Its proof is used already. */
  methods: readonly Method[]
  wrong: FieldError
  prove(waiting: Waiting): Promise<SecondOutcome>
}

export type SecondOutcome =
  | { ok: true; proof: Proof; methods: readonly Method[] }
  | { ok: false; error: FieldError }

/** Returns undefined if nothing is waiting for a second step. */
export async function logInBySecond(
  ctx: Context,
  gatehouse: Gatehouse,
  tried: SecondTry,
): Promise<Outcome | undefined> {
  const waiting = await waitingForSecond(ctx, gatehouse)
  const outcome = waiting && (await prove(ctx, gatehouse, waiting, tried))
  if (outcome?.ok) return outcome
  // After a double click the browser keeps only the last response.
  const before = await passedBefore(ctx, gatehouse, tried.print)
  return before === undefined ? outcome : await finish(ctx, gatehouse, before, tried)
}

async function prove(
  ctx: Context,
  gatehouse: Gatehouse,
  waiting: Waiting,
  tried: SecondTry,
): Promise<Outcome> {
  const outcome = await tried.prove(waiting)
  return outcome.ok ? finish(ctx, gatehouse, waiting, { ...tried, ...outcome }) : outcome
}

async function finish(
  ctx: Context,
  gatehouse: Gatehouse,
  { account, methods, kept, next }: Waiting,
  { print, isTrusting, methods: proved, wrong, proof }: SecondTry & { proof?: Proof },
): Promise<Outcome> {
  const login: LoginState = await advance(ctx, gatehouse, {
    account,
    methods: [...methods, ...proved],
    kept,
    next,
    form: print,
    isTrusting,
    ...(proof && { proof }),
  })
  if (login.state === 'begun' && proof !== undefined && isTrusting) noteTrust(ctx, gatehouse, account)
  return login.state === 'begun' ? { ok: true, ...login, next } : { ok: false, error: wrong }
}

function noteTrust(ctx: Context, gatehouse: Gatehouse, { user }: Account): void {
  const trusted = { kind: 'browser_trusted', userId: user.id } as const
  gatehouse.events.queue(eventOf(originOf(ctx, gatehouse), gatehouse, trusted))
}
