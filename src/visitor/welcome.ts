import type { Context } from 'koa'
import { upcomingConfirmationAt } from '../accounts/confirmation-rule.js'
import { lacksSecond, upcomingSecondAt } from '../accounts/second-rule.js'
import * as passkeys from '../tables/passkeys.js'
import * as recovery from '../tables/recovery-codes.js'
import type { User } from '../tables/users.js'
import type { Form, Message, Values } from '../web/form.js'
import { localPath } from '../web/local-path.js'
import type { Notice } from '../web/notices.js'
import type { Gatehouse } from './gatehouse.js'
import { CONFIRM, pathWithNext, SET_UP_SECOND, stepOf } from './guards.js'
import { loginOf } from './logins.js'
import { relyingPartyOf } from './passkeys.js'

export const LOGGED_IN = { code: 'logged_in', sentence: 'You are logged in.' }
const LOGGED_IN_REOPENED = {
  code: 'logged_in_reopened',
  sentence: 'You are logged in. Your account is open again, and nothing will be deleted.',
}
export const SECOND_SOON = {
  code: 'second_soon',
  sentence: 'You will need two-step verification here {when}. Set it up before then.',
}
const CONFIRM_SOON = {
  code: 'confirm_soon',
  sentence: 'You will need a confirmed email address here {when}. Confirm it before then.',
}
export const GO_ON = { code: 'logged_in_go_on', sentence: 'Continue now' }
const CODES_LEFT = { code: 'recovery_used', sentence: 'Recovery codes left: {left}.' }
const NO_CODES_LEFT = { code: 'recovery_none', sentence: 'You have no recovery codes left.' }
const MAKE_CODES = { code: 'recovery_make', sentence: 'Create new recovery codes' }

export interface Welcomed {
  isReopened: boolean
  message?: Message
  extra?: Notice | undefined
  next: string
  values: Partial<Values>
}

export async function welcome(
  ctx: Context,
  gatehouse: Gatehouse,
  form: Form,
  { isReopened, message = LOGGED_IN, extra: first, next, values }: Welcomed,
): Promise<void> {
  const { pages, countLogin } = gatehouse
  const { user } = loginOf(ctx)
  countLogin('logged_in')
  const extra = first ?? (await reminder(ctx, gatehouse, user)) ?? (await fewCodesNotice(gatehouse, user))
  await pages.accept(ctx, form, {
    notice: { message: isReopened ? LOGGED_IN_REOPENED : message, ...(extra && { extra }) },
    to: await arrivalOf(ctx, gatehouse, next),
    onward: GO_ON,
    values,
  })
}

export async function arrivalOf(ctx: Context, gatehouse: Gatehouse, next: string): Promise<string> {
  const { user } = loginOf(ctx)
  if (lacksSecond(gatehouse, user)) return gatehouse.url('account/two-step')
  const step = await stepOf(ctx, user)
  if (step !== undefined) return pathWithNext(step, next)
  return localPath(next) ?? gatehouse.places.afterLogin
}

const FEW = 3

export async function fewCodesOf(gatehouse: Gatehouse, user: User): Promise<number | undefined> {
  if (user.secondStepAt === null || !gatehouse.offers('account/recovery-codes')) return undefined
  const { left = 0 } = (await recovery.countOf(gatehouse.database.main, user.id)) ?? {}
  return left <= FEW ? left : undefined
}

async function fewCodesNotice(gatehouse: Gatehouse, user: User): Promise<Notice | undefined> {
  const left = await fewCodesOf(gatehouse, user)
  if (left === undefined) return undefined
  const message = left === 0 ? NO_CODES_LEFT : { ...CODES_LEFT, params: { left } }
  return { message, link: { href: gatehouse.url('account/recovery-codes'), message: MAKE_CODES } }
}

async function reminder(ctx: Context, gatehouse: Gatehouse, user: User): Promise<Notice | undefined> {
  const confirmAt = upcomingConfirmationAt(gatehouse, user)
  if (confirmAt !== undefined) {
    const message = { ...CONFIRM_SOON, params: { when: { milliseconds: confirmAt - gatehouse.now() } } }
    return { message, link: { href: gatehouse.url('email/confirm'), message: CONFIRM } }
  }
  const from = upcomingSecondAt(gatehouse, user)
  if (from === undefined) return undefined
  const rpId = relyingPartyOf(ctx, gatehouse)?.id
  if (rpId !== undefined && (await passkeys.hasVerified(gatehouse.database.main, user.id, rpId)))
    return undefined
  const message = { ...SECOND_SOON, params: { when: { milliseconds: from - gatehouse.now() } } }
  return { message, link: { href: gatehouse.url('account/two-step'), message: SET_UP_SECOND } }
}
