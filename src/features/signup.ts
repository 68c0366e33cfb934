import type Router from '@koa/router'
import type { Context } from 'koa'
import { checkPassword } from '../accounts/authentication.js'
import * as fields from '../accounts/fields.js'
import * as hints from '../accounts/hints.js'
import type { Counted } from '../accounts/limits.js'
import { countedFor, countTaken } from '../accounts/mail-limits.js'
import { type Applicant, applicantOf, lostRace, register, signupErrors } from '../accounts/registration.js'
import { takePlaces } from '../accounts/security-log.js'
import type { Invitation } from '../tables/invitations.js'
import * as users from '../tables/users.js'
import { askingBrowser } from '../visitor/code-browser.js'
import type { FeatureLink } from '../visitor/feature.js'
import { type Gatehouse, loginAs } from '../visitor/gatehouse.js'
import { requireAnonymous } from '../visitor/guards.js'
import { forgetInvitation, invitationOf } from '../visitor/invitations.js'
import { isLoginAfter } from '../visitor/login-after.js'
import { advance, halfLoginOf, type LoginState } from '../visitor/login-steps.js'
import { originOf } from '../visitor/origin.js'
import { welcome } from '../visitor/welcome.js'
import type { Advice, FieldError, Form, Values } from '../web/form.js'
import { networkOf } from '../web/network.js'
import type { Notice } from '../web/notices.js'
import type { Acceptance } from '../web/pages.js'
import { fingerprint, onSubmit, onTyping, type Sent } from '../web/submit.js'

export const name = 'signup'
export const links: readonly FeatureLink[] = [
  {
    on: 'login',
    order: 20,
    title: { code: 'signup_link', sentence: 'Sign up' },
    hint: { code: 'signup_link_hint', sentence: 'New here?' },
  },
  { on: 'header', order: 20, title: { code: 'signup_link', sentence: 'Sign up' } },
]

type FieldName = 'username' | 'email' | 'password' | 'repassword'

const FIELDS = ['username', 'email', 'password', 'repassword'] as const

function formOf(gatehouse: Gatehouse): Form {
  const { signupFields } = gatehouse
  return {
    name,
    fields: [...FIELDS, ...signupFields],
    secret: ['password', 'repassword'],
    advised: ['username', 'email', 'password'],
    about: 'what is typed',
    around: async (ctx) => ({ invitation: await invitationOf(ctx, gatehouse) }),
  }
}

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
const LOG_IN = { code: 'log_in', sentence: 'Log in' }
export const GO_ON = { code: 'signed_up_go_on', sentence: 'Continue without logging in' }

export const CLOSED = {
  code: 'signup_closed',
  sentence: 'This site does not accept new accounts.',
}

export const INVITATION_GONE = {
  code: 'invitation_gone',
  sentence:
    'This invitation has expired or was already used. Ask the people who run this site for another one.',
}

export function routes(router: Router, gatehouse: Gatehouse): void {
  if (gatehouse.rules.signup === 'closed') closedRoutes(router, gatehouse)
  else openRoutes(router, gatehouse)
}

function openRoutes(router: Router, gatehouse: Gatehouse): void {
  const form = formOf(gatehouse)

  router.get('/signup/', requireAnonymous, async (ctx) => {
    const invitation = await invitationOf(ctx, gatehouse)
    if (!maySignUp(gatehouse, invitation))
      return gatehouse.pages.leave(ctx, gatehouse.url('signup/invitation'))
    await gatehouse.pages.form(ctx, form, {}, { around: { invitation } })
  })

  router.post(
    '/signup/advice/',
    onTyping(form, gatehouse, (ctx, values) => advise(ctx, gatehouse, values)),
  )

  router.post(
    '/signup/verify/',
    onSubmit(form, gatehouse, async (ctx, values) => {
      const applicant = newcomer(ctx, gatehouse, values, await invitationOf(ctx, gatehouse))
      const outcome = await signUp(ctx, gatehouse, applicant)
      if (!outcome.ok) {
        const advice = await hints.besideErrors(originOf(ctx, gatehouse), gatehouse, outcome.errors, values)
        return await gatehouse.pages.refuse(ctx, form, { errors: outcome.errors, advice, values })
      }
      const login = await advance(ctx, gatehouse, {
        account: outcome.account,
        // The sign-up form had the new password.
        methods: isLoginAfter(ctx, gatehouse, 'signup', outcome.account.user)
          ? ['signup', 'password']
          : ['signup'],
        kept: false,
        next: '',
        form: applicant.signupForm,
      })
      forgetInvitation(ctx)
      // After a double click the browser keeps only the last response, and the code must work with either.
      askingBrowser(ctx, gatehouse)
      if (login.state === 'begun') {
        return await welcome(ctx, gatehouse, form, {
          ...login,
          message: { ...SIGNED_UP_LOGGED_IN, params: { name: applicant.name } },
          advice: adviceOn(gatehouse, applicant).advice,
          next: gatehouse.places.afterSignup,
          values,
        })
      }
      await gatehouse.pages.accept(ctx, form, { ...journey(gatehouse, applicant, login), values })
    }),
  )
}

function maySignUp({ rules }: Gatehouse, invitation: Invitation | undefined): boolean {
  return rules.signup === 'open' || invitation !== undefined
}

// Old links and bookmarks still lead here.
function closedRoutes(router: Router, { pages, url }: Gatehouse): void {
  const refuse = (ctx: Context) =>
    pages.problem(ctx, { status: 403, error: CLOSED, link: { href: url('login'), message: LOG_IN } })
  router.get('/signup/', requireAnonymous, refuse)
  router.post('/signup/verify/', refuse)
}

function advise(ctx: Context, gatehouse: Gatehouse, sent: Sent<string>): Promise<Advice[]> {
  const { username = '', email = '', password = '' } = sent
  const own = [fields.normalizeName(username), fields.normalizeEmail(email)]
  return hints.whileAllowed(originOf(ctx, gatehouse), gatehouse, async () => [
    ...(await hints.onName(gatehouse, username, halfLoginOf(ctx, gatehouse)?.userId)),
    ...hints.onEmail(email),
    ...hints.onPassword(gatehouse, password, own),
  ])
}

function journey(gatehouse: Gatehouse, applicant: Applicant, login: LoginState): Omit<Acceptance, 'values'> {
  const { url, places } = gatehouse
  const { name, email } = applicant
  const advice = adviceOn(gatehouse, applicant)
  if (login.state === 'waiting' && login.for === 'email/confirm') {
    const message = { ...SIGNED_UP_CONFIRM, params: { name, email } }
    return { notice: { message, ...advice }, to: url('email/confirm'), onward: CONFIRM }
  }
  const message = { ...SIGNED_UP, params: { name } }
  const link = { href: loginAs(gatehouse, applicant), message: LOG_IN }
  return { notice: { message, link, ...advice }, to: places.afterSignup, onward: GO_ON }
}

function adviceOn({ offers, url }: Gatehouse, { email }: Applicant): Pick<Notice, 'advice'> {
  return hints.onAcceptedEmail(email, offers('email/confirm') ? url('email/confirm/address') : undefined)
}

interface Newcomer extends Applicant {
  password: string
  repassword: string
  signupForm: string
  invitation: string | undefined
  values: Values
}

// The address of an invitation, whatever was typed, because it counts as confirmed.
function newcomer(
  ctx: Context,
  gatehouse: Gatehouse,
  sent: Sent<string>,
  invitation: Invitation | undefined,
): Newcomer {
  const typed = (field: FieldName) => sent[field] ?? ''
  const applicant = applicantOf({ username: typed('username'), email: invitation?.email ?? typed('email') })
  return {
    ...applicant,
    invitation: invitation?.hash,
    password: typed('password'),
    repassword: typed('repassword'),
    // Without the password, of which only a slow hash may be stored.
    signupForm: fingerprint(ctx, gatehouse, sent, applicant.name, applicant.email),
    values: Object.fromEntries(gatehouse.signupFields.map((field) => [field, sent[field] ?? ''])),
  }
}

type Outcome = { ok: true; account: users.Account } | { ok: false; errors: FieldError[] }

async function signUp(ctx: Context, gatehouse: Gatehouse, applicant: Newcomer): Promise<Outcome> {
  const isWelcome = applicant.invitation !== undefined || gatehouse.rules.signup === 'open'
  const errors = isWelcome ? await allErrors(ctx, gatehouse, applicant) : [INVITATION_GONE]
  const isMade = errors.length === 0 && (await createCounted(ctx, gatehouse, applicant))
  if (errors.length === 0 && !isMade) errors.push(...(await whyNotMade(ctx, gatehouse, applicant)))
  const account = isMade
    ? await users.byId(gatehouse.database.main, applicant.id)
    : await repeated(ctx, gatehouse, applicant, errors)
  return account === undefined ? { ok: false, errors } : { ok: true, account }
}

async function whyNotMade(ctx: Context, gatehouse: Gatehouse, applicant: Newcomer): Promise<FieldError[]> {
  const isUsed = applicant.invitation !== undefined && (await invitationOf(ctx, gatehouse)) === undefined
  return isUsed ? [INVITATION_GONE] : lostRace(rulesFor(gatehouse, applicant), applicant)
}

// An invited person reads the mailbox, so they may learn whether its address has an account.
function rulesFor(gatehouse: Gatehouse, { invitation }: Newcomer): Gatehouse {
  if (invitation === undefined) return gatehouse
  return { ...gatehouse, rules: { ...gatehouse.rules, privateEmails: false } }
}

async function allErrors(ctx: Context, gatehouse: Gatehouse, applicant: Newcomer): Promise<FieldError[]> {
  const { name, email, password, repassword, values } = applicant
  return [
    ...(await signupErrors(rulesFor(gatehouse, applicant), applicant, () =>
      countTaken(originOf(ctx, gatehouse), gatehouse),
    )),
    ...fields.check(fields.repeated(password), repassword),
    ...((await gatehouse.hooks.beforeSignup?.({ name, email, values }, ctx)) ?? []),
  ]
}

async function createCounted(ctx: Context, gatehouse: Gatehouse, applicant: Newcomer): Promise<boolean> {
  gatehouse.passwords.refuseWhenFull()
  const counted: Counted[] = [
    { rule: 'signupNetwork', of: networkOf(gatehouse.address(ctx)) },
    ...countedFor(originOf(ctx, gatehouse), gatehouse, { kind: 'email-confirm', address: applicant.email }),
  ]
  await takePlaces(originOf(ctx, gatehouse), gatehouse, counted)
  let created = false
  try {
    const account = { ...applicant, isConfirmed: applicant.invitation !== undefined }
    created = (await register(originOf(ctx, gatehouse), gatehouse, account)) !== undefined
    return created
  } finally {
    if (!created) await gatehouse.limits.giveBack(counted)
  }
}

const TAKEN: readonly string[] = [fields.USERNAME_TAKEN.code, fields.EMAIL_TAKEN.code, INVITATION_GONE.code]

// Only for the same browser and password, so that nobody else learns more than the page says.
async function repeated(
  ctx: Context,
  gatehouse: Gatehouse,
  { nameKey, signupForm, password }: Newcomer,
  errors: readonly FieldError[],
): Promise<users.Account | undefined> {
  if (!errors.every(({ code }) => TAKEN.includes(code))) return undefined
  const account = await users.byNameKey(gatehouse.database.main, nameKey)
  if (account?.signupForm !== signupForm || account.disabledAt !== null) return undefined
  const check = { name: nameKey, account, password, failure: 'password_failed' } as const
  if (!(await checkPassword(originOf(ctx, gatehouse), gatehouse, check))) return undefined
  // With the first stamp, so that logging out all devices has ended this way in too.
  return { ...account, deviceStamp: users.FIRST_STAMP }
}
