import type Router from '@koa/router'
import type { Context } from 'koa'
import { checkPassword } from '../accounts/authentication.js'
import * as fields from '../accounts/fields.js'
import { hintsBesideErrors, onEmail, onName, onPassword, withinHintLimit } from '../accounts/hints.js'
import { register } from '../accounts/registration.js'
import type { Invitation } from '../tables/invitations.js'
import type { FeatureLink } from '../visitor/feature.js'
import type { Gatehouse } from '../visitor/gatehouse.js'
import { requireAnonymous } from '../visitor/guards.js'
import { invitationOf } from '../visitor/invitations.js'
import { halfLoginOf } from '../visitor/login-steps.js'
import { maySignUpByPasskey, newcomerOf } from '../visitor/newcomers.js'
import { originOf } from '../visitor/origin.js'
import type { FieldError, Form, Hint, Values } from '../web/form.js'
import { fingerprint, onSubmit, onTyping, type Sent } from '../web/submit.js'
import {
  applicantIn,
  arrive,
  claimErrors,
  finishSignUp,
  hostErrors,
  INVITATION_GONE,
  LOG_IN,
  type SignedUp,
  type SigningUp,
  withUsername,
} from './signup/signing-up.js'

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

const FIELDS = ['username', 'email', 'password', 'repassword'] as const

export function signupForm(gatehouse: Gatehouse): Form {
  const { signupFields, asksUsername, rules } = gatehouse
  const unasked = [...(asksUsername ? [] : ['username']), ...(rules.emails === 'none' ? ['email'] : [])]
  const own = FIELDS.filter((field) => !unasked.includes(field))
  return {
    name,
    fields: [...own, ...signupFields],
    secret: ['password', 'repassword'],
    hinted: ['username', 'email', 'password'],
    about: 'what is typed',
    around: async (ctx) => around(ctx, gatehouse, await invitationOf(ctx, gatehouse)),
  }
}

function around(ctx: Context, gatehouse: Gatehouse, invitation: Invitation | undefined): object {
  return { invitation, hasPasskey: maySignUpByPasskey(ctx, gatehouse, invitation) }
}

export const CLOSED = {
  code: 'signup_closed',
  sentence: 'This site does not accept new accounts.',
}

export function routes(router: Router, gatehouse: Gatehouse): void {
  if (gatehouse.rules.signup === 'closed') closedRoutes(router, gatehouse)
  else openRoutes(router, gatehouse)
}

function openRoutes(router: Router, gatehouse: Gatehouse): void {
  const form = signupForm(gatehouse)

  router.get('/signup/', requireAnonymous, async (ctx) => {
    const invitation = await invitationOf(ctx, gatehouse)
    if (!maySignUp(gatehouse, invitation))
      return gatehouse.pages.leave(ctx, gatehouse.url('signup/invitation'))
    await gatehouse.pages.form(ctx, form, prefilled(ctx, gatehouse), {
      around: around(ctx, gatehouse, invitation),
    })
  })

  router.post(
    '/signup/hints/',
    onTyping(form, gatehouse, (ctx, values) => hintsFor(ctx, gatehouse, values)),
  )

  router.post(
    '/signup/verify/',
    onSubmit(form, gatehouse, async (ctx, values) => {
      const newcomer = newcomerIn(ctx, gatehouse, values, await invitationOf(ctx, gatehouse))
      const outcome = await signUp(ctx, gatehouse, newcomer)
      if (!outcome.ok) {
        const hints = await hintsBesideErrors(originOf(ctx, gatehouse), gatehouse, outcome.errors, values)
        return await gatehouse.pages.refuse(ctx, form, { errors: outcome.errors, hints, values })
      }
      await arrive(ctx, gatehouse, form, { ...outcome, signingUp: newcomer, by: 'password', values })
    }),
  )
}

export function maySignUp({ rules }: Gatehouse, invitation: Invitation | undefined): boolean {
  return rules.signup === 'open' || invitation !== undefined
}

// For visitors who come back from the passkey page.
function prefilled(ctx: Context, gatehouse: Gatehouse): Partial<Values> {
  const newcomer = newcomerOf(ctx, gatehouse)
  return newcomer === undefined
    ? {}
    : { ...newcomer.values, username: newcomer.name, email: newcomer.email ?? '' }
}

// Old links and bookmarks still lead here.
function closedRoutes(router: Router, { pages, url }: Gatehouse): void {
  const refuse = (ctx: Context) =>
    pages.problem(ctx, { status: 403, error: CLOSED, link: { href: url('login'), message: LOG_IN } })
  router.get('/signup/', requireAnonymous, refuse)
  router.post('/signup/verify/', refuse)
}

function hintsFor(ctx: Context, gatehouse: Gatehouse, sent: Sent<string>): Promise<Hint[]> {
  const { username = '', email = '', password = '' } = sent
  const own = [fields.normalizeName(username), fields.normalizeEmail(email)]
  return withinHintLimit(originOf(ctx, gatehouse), gatehouse, async () => [
    ...(await onName(gatehouse, username, halfLoginOf(ctx, gatehouse)?.userId)),
    ...onEmail(email),
    ...onPassword(gatehouse, password, own),
  ])
}

interface Newcomer extends SigningUp {
  password: string
  repassword: string
}

function newcomerIn(
  ctx: Context,
  gatehouse: Gatehouse,
  sent: Sent<string>,
  invitation: Invitation | undefined,
): Newcomer {
  const applicant = applicantIn(gatehouse, withUsername(ctx, gatehouse, sent), invitation)
  return {
    ...applicant,
    password: sent.password ?? '',
    repassword: sent.repassword ?? '',
    // Leaves out the password, of which only a slow hash may be stored.
    signupForm: fingerprint(ctx, gatehouse, sent, applicant.name, applicant.email ?? ''),
  }
}

async function signUp(ctx: Context, gatehouse: Gatehouse, newcomer: Newcomer): Promise<SignedUp> {
  const origin = originOf(ctx, gatehouse)
  const isWelcome = newcomer.invitation !== undefined || gatehouse.rules.signup === 'open'
  return finishSignUp(ctx, gatehouse, newcomer, {
    errors: isWelcome ? await allErrors(ctx, gatehouse, newcomer) : [INVITATION_GONE],
    async create() {
      gatehouse.passwords.refuseWhenFull()
      const account = { ...newcomer, isConfirmed: newcomer.invitation !== undefined }
      return (await register(origin, gatehouse, account)) === undefined ? 'taken' : 'made'
    },
    isSame: (account) => {
      const { nameKey, password } = newcomer
      return checkPassword(origin, gatehouse, {
        name: nameKey,
        account,
        password,
        failure: 'password_failed',
      })
    },
  })
}

async function allErrors(ctx: Context, gatehouse: Gatehouse, newcomer: Newcomer): Promise<FieldError[]> {
  const { password, repassword } = newcomer
  return [
    ...(await claimErrors(ctx, gatehouse, newcomer, password)),
    ...fields.check(fields.repeated(password), repassword),
    ...(await hostErrors(ctx, gatehouse, newcomer)),
  ]
}
