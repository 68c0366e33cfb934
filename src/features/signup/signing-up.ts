import type { Context } from 'koa'
import * as fields from '../../accounts/fields.js'
import { generatedName } from '../../accounts/generated-name.js'
import { onAcceptedEmail } from '../../accounts/hints.js'
import type { Counted } from '../../accounts/limits.js'
import { countedFor, countLookup } from '../../accounts/mail-limits.js'
import { type Applicant, applicantOf, signupErrors, takenErrors } from '../../accounts/registration.js'
import { countAgainstLimits } from '../../accounts/security-log.js'
import type { Invitation } from '../../tables/invitations.js'
import * as users from '../../tables/users.js'
import { ensureCodeBrowser } from '../../visitor/code-browser.js'
import { type Gatehouse, loginAs } from '../../visitor/gatehouse.js'
import { forgetInvitation, invitationOf } from '../../visitor/invitations.js'
import { isLoginAfter } from '../../visitor/login-after.js'
import { advance, type LoginState } from '../../visitor/login-steps.js'
import { forgetNewcomer } from '../../visitor/newcomers.js'
import { originOf } from '../../visitor/origin.js'
import { welcome } from '../../visitor/welcome.js'
import type { FieldError, Form, Values } from '../../web/form.js'
import { networkOf } from '../../web/network.js'
import type { Notice } from '../../web/notices.js'
import type { Acceptance } from '../../web/pages.js'
import { fingerprint, type Sent } from '../../web/submit.js'

export const SIGNED_UP = { code: 'signed_up', sentence: 'Your account {name} is ready.' }
const SIGNED_UP_LOGGED_IN = {
  code: 'signed_up_logged_in',
  sentence: 'Your account {name} is ready, and you are logged in.',
}
const SIGNED_UP_CONFIRM = {
  code: 'signed_up_confirm',
  sentence:
    'Your account {name} is almost ready. Now confirm your email address: an email to {email} is on its way.',
}
const CONFIRM = { code: 'signed_up_confirm_go_on', sentence: 'Enter the code from the email' }
export const LOG_IN = { code: 'log_in', sentence: 'Log in' }
export const GO_ON = { code: 'signed_up_go_on', sentence: 'Continue without logging in' }

export const INVITATION_GONE = {
  code: 'invitation_gone',
  sentence:
    'This invitation has expired or was already used. Ask the people who run this site for another one.',
}

export interface SigningUp extends Applicant {
  /** Recognizes the form if it arrives twice. */
  signupForm: string
  invitation: string | undefined
  values: Values
}

/** The address of an invitation wins over a typed one, because it counts as confirmed. */
export function applicantIn(
  gatehouse: Gatehouse,
  sent: Sent<string>,
  invitation: Invitation | undefined,
): Omit<SigningUp, 'signupForm'> {
  const { username = '', email = '' } = sent
  return {
    ...applicantOf(gatehouse, { username, email: invitation?.email ?? email }),
    invitation: invitation?.hash,
    values: Object.fromEntries(gatehouse.signupFields.map((field) => [field, sent[field] ?? ''])),
  }
}

export function withUsername(ctx: Context, gatehouse: Gatehouse, sent: Sent<string>): Sent<string> {
  if (gatehouse.asksUsername) return sent
  const seed = fingerprint(ctx, gatehouse, sent, fields.normalizeEmail(sent.email ?? ''))
  return { ...sent, username: generatedName(seed) }
}

// Invited people can read the mailbox, so they may learn whether its address has an account.
function rulesFor(gatehouse: Gatehouse, { invitation }: Pick<SigningUp, 'invitation'>): Gatehouse {
  if (invitation === undefined) return gatehouse
  return { ...gatehouse, rules: { ...gatehouse.rules, privateEmails: false } }
}

export function claimErrors(
  ctx: Context,
  gatehouse: Gatehouse,
  applicant: Omit<SigningUp, 'signupForm'>,
  password?: string,
): Promise<FieldError[]> {
  return signupErrors(rulesFor(gatehouse, applicant), { ...applicant, password }, () =>
    countLookup(originOf(ctx, gatehouse), gatehouse),
  )
}

export async function hostErrors(
  ctx: Context,
  { hooks }: Gatehouse,
  { name, email, values }: Pick<SigningUp, 'name' | 'email' | 'values'>,
): Promise<readonly FieldError[]> {
  return (await hooks.beforeSignup?.({ name, email, values }, ctx)) ?? []
}

export type SignedUp = { ok: true; account: users.Account } | { ok: false; errors: FieldError[] }

export interface WayIn {
  errors: FieldError[]
  /** `taken`: the username or the email address. */
  create(): Promise<'made' | 'taken' | FieldError>
  /** Whether this form created the account before: it has the password or passkey of it. */
  isSame(account: users.Account): Promise<boolean>
}

/** Creates the account unless there are errors. A form that arrives twice gets its first response. */
export async function finishSignUp(
  ctx: Context,
  gatehouse: Gatehouse,
  newcomer: SigningUp,
  { errors, create, isSame }: WayIn,
): Promise<SignedUp> {
  const created = errors.length > 0 ? undefined : await createCounted(ctx, gatehouse, newcomer, create)
  const all = typeof created === 'object' ? [created] : [...errors]
  if (created === 'taken') all.push(...(await whyTaken(ctx, gatehouse, newcomer)))
  const account =
    created === 'made'
      ? await users.byId(gatehouse.database.main, newcomer.id)
      : await repeated(gatehouse, newcomer, all, isSame)
  return account === undefined ? { ok: false, errors: all } : { ok: true, account }
}

async function createCounted(
  ctx: Context,
  gatehouse: Gatehouse,
  { email }: SigningUp,
  create: WayIn['create'],
): ReturnType<WayIn['create']> {
  const origin = originOf(ctx, gatehouse)
  const counted: Counted[] = [
    { rule: 'signupNetwork', of: networkOf(origin.address) },
    ...countedFor(origin, gatehouse, { kind: 'email-confirm', address: email }),
  ]
  await countAgainstLimits(origin, gatehouse, counted)
  let created: Awaited<ReturnType<WayIn['create']>> | undefined
  try {
    created = await create()
    return created
  } finally {
    if (created !== 'made') await gatehouse.limits.giveBack(counted)
  }
}

async function whyTaken(ctx: Context, gatehouse: Gatehouse, newcomer: SigningUp): Promise<FieldError[]> {
  const isUsed = newcomer.invitation !== undefined && (await invitationOf(ctx, gatehouse)) === undefined
  return isUsed ? [INVITATION_GONE] : takenErrors(rulesFor(gatehouse, newcomer), newcomer)
}

const TAKEN: readonly string[] = [fields.USERNAME_TAKEN.code, fields.EMAIL_TAKEN.code, INVITATION_GONE.code]

// Only for the same browser and the same password or passkey, so that nobody else learns more than the page says.
async function repeated(
  gatehouse: Gatehouse,
  { nameKey, signupForm }: SigningUp,
  errors: readonly FieldError[],
  isSame: WayIn['isSame'],
): Promise<users.Account | undefined> {
  if (!errors.every(({ code }) => TAKEN.includes(code))) return undefined
  const account = await users.byNameKey(gatehouse.database.main, nameKey)
  if (account?.signupForm !== signupForm || account.disabledAt !== null) return undefined
  if (!(await isSame(account))) return undefined
  // With the first stamp, so that logging out all devices since then also ends this.
  return { ...account, deviceStamp: users.FIRST_STAMP }
}

interface Arrival {
  signingUp: SigningUp
  account: users.Account
  by: 'password' | 'passkey'
  values: Partial<Values>
}

export async function arrive(
  ctx: Context,
  gatehouse: Gatehouse,
  form: Form,
  { signingUp, account, by, values }: Arrival,
): Promise<void> {
  const login = await advance(ctx, gatehouse, {
    account,
    methods: isLoginAfter(ctx, gatehouse, 'signup', account.user) ? ['signup', by] : ['signup'],
    kept: false,
    next: '',
    form: signingUp.signupForm,
  })
  forgetInvitation(ctx)
  forgetNewcomer(ctx)
  // After a double click the browser keeps only the last response, and the code must work with either.
  ensureCodeBrowser(ctx, gatehouse)
  if (login.state === 'begun') {
    return await welcome(ctx, gatehouse, form, {
      ...login,
      message: { ...SIGNED_UP_LOGGED_IN, params: { name: shownName(gatehouse, signingUp) } },
      ...extraAboutEmail(gatehouse, signingUp),
      next: gatehouse.places.afterSignup,
      values,
    })
  }
  await gatehouse.pages.accept(ctx, form, { ...acceptanceOf(gatehouse, signingUp, login), values })
}

function acceptanceOf(
  gatehouse: Gatehouse,
  applicant: Applicant,
  login: LoginState,
): Omit<Acceptance, 'values'> {
  const { url, places } = gatehouse
  const { email } = applicant
  const name = shownName(gatehouse, applicant)
  const extra = extraAboutEmail(gatehouse, applicant)
  if (login.state === 'waiting' && login.for === 'email/confirm') {
    const message = { ...SIGNED_UP_CONFIRM, params: { name, email: email ?? '' } }
    return { notice: { message, ...extra }, to: url('email/confirm'), onward: CONFIRM }
  }
  const message = { ...SIGNED_UP, params: { name } }
  const link = { href: loginAs(gatehouse, applicant), message: LOG_IN }
  return { notice: { message, link, ...extra }, to: places.afterSignup, onward: GO_ON }
}

export function shownName(
  { asksUsername }: Gatehouse,
  { name, email }: Pick<Applicant, 'name' | 'email'>,
): string {
  return asksUsername ? name : (email ?? name)
}

function extraAboutEmail({ offers, url }: Gatehouse, { email }: Applicant): Pick<Notice, 'extra'> {
  return onAcceptedEmail(email ?? '', offers('email/confirm') ? url('email/confirm/address') : undefined)
}
