import type Router from '@koa/router'
import type { Context } from 'koa'
import { hintsBesideErrors } from '../../accounts/hints.js'
import { CHALLENGE_OLD, PASSKEY_WRONG } from '../../accounts/passkey-proof.js'
import {
  type FirstPasskey,
  proveFirst,
  registerByPasskey,
  spendFirst,
} from '../../accounts/passkey-signup.js'
import { PASSKEY_EXISTS } from '../../accounts/passkeys.js'
import { readAttestation } from '../../secrets/webauthn.js'
import * as passkeys from '../../tables/passkeys.js'
import type { Gatehouse } from '../../visitor/gatehouse.js'
import { requireAnonymous } from '../../visitor/guards.js'
import { invitationOf } from '../../visitor/invitations.js'
import {
  keepNewcomer,
  maySignUpByPasskey,
  type Newcomer,
  newcomer,
  newcomerOf,
} from '../../visitor/newcomers.js'
import { originOf } from '../../visitor/origin.js'
import {
  creationCeremony,
  type Failure,
  failureIn,
  presentedBy,
  unknownSignal,
} from '../../visitor/passkeys.js'
import type { FieldError, Form } from '../../web/form.js'
import { fingerprint, onSubmit, type Sent } from '../../web/submit.js'
import { CANCELED, UNSUPPORTED } from '../account/passkeys.js'
import { maySignUp, signupForm } from '../signup.js'
import {
  applicantIn,
  arrive,
  claimErrors,
  finishSignUp,
  hostErrors,
  INVITATION_GONE,
  type SignedUp,
  type SigningUp,
  shownName,
  withUsername,
} from './signing-up.js'

export const name = 'signup/passkey'
export const partOf = 'signup'

const TOO_LONG: FieldError = {
  code: 'signup_passkey_long',
  sentence: 'This is too much text to sign up with a passkey. Shorten it, or sign up with a password.',
}
const OVER: FieldError = {
  code: 'signup_passkey_over',
  sentence: 'This page was open for too long, or was already used. Start again.',
}
const SIGN_UP = { code: 'signup_link', sentence: 'Sign up' }

// Checks the input before the browser creates a passkey: that of a refused sign-up would stay on the device.
export function routes(router: Router, gatehouse: Gatehouse): void {
  const { pages, url } = gatehouse
  if (gatehouse.rules.signup === 'closed') return
  const signup = signupForm(gatehouse)
  const typing: Form = { name, fields: signup.fields, secret: signup.secret, on: signup }
  const creating = creatingForm(gatehouse)

  router.get('/signup/passkey/', requireAnonymous, async (ctx) => {
    if (newcomerOf(ctx, gatehouse) === undefined) return pages.leave(ctx, url('signup'))
    await pages.form(ctx, creating)
  })

  router.post(
    '/signup/passkey/',
    onSubmit(typing, gatehouse, async (ctx, values) => {
      const errors = await begin(ctx, gatehouse, values)
      if (errors.length === 0) return pages.leave(ctx, url(name))
      const hints = await hintsBesideErrors(originOf(ctx, gatehouse), gatehouse, errors, values)
      await pages.refuse(ctx, typing, { errors, hints, values })
    }),
  )

  router.post(
    '/signup/passkey/verify/',
    onSubmit(creating, gatehouse, async (ctx, values) => {
      const kept = newcomerOf(ctx, gatehouse)
      if (kept === undefined) {
        const link = { href: url('signup'), message: SIGN_UP }
        return pages.problem(ctx, { status: 403, error: OVER, link })
      }
      const outcome = await signUp(ctx, gatehouse, kept, values)
      if (!outcome.ok) return await refuse(ctx, gatehouse, creating, outcome.errors, values)
      await arrive(ctx, gatehouse, creating, { ...outcome, by: 'passkey', values: {} })
    }),
  )
}

function creatingForm(gatehouse: Gatehouse): Form<'credential'> {
  return {
    name,
    fields: ['credential'],
    secret: ['credential'],
    about: [newcomer],
    around: async (ctx) => around(ctx, gatehouse),
  }
}

function around(ctx: Context, gatehouse: Gatehouse, signal?: string): object {
  const user = newcomerOf(ctx, gatehouse)
  if (user === undefined) return {}
  const name = shownName(gatehouse, user)
  return {
    name,
    creation: creationCeremony(ctx, gatehouse, { purpose: 'signup', user: { ...user, name }, own: [] }),
    signal,
  }
}

async function begin(ctx: Context, gatehouse: Gatehouse, sent: Sent<string>): Promise<FieldError[]> {
  const invitation = await invitationOf(ctx, gatehouse)
  if (!maySignUp(gatehouse, invitation)) return [INVITATION_GONE]
  if (!maySignUpByPasskey(ctx, gatehouse, invitation)) return [UNSUPPORTED]
  const applicant = applicantIn(gatehouse, withUsername(ctx, gatehouse, sent), invitation)
  const errors = [
    ...(await claimErrors(ctx, gatehouse, applicant)),
    ...(await hostErrors(ctx, gatehouse, applicant)),
  ]
  if (errors.length > 0) return errors
  const { id, name, email, values } = applicant
  return keepNewcomer(ctx, gatehouse, { id, name, email, values }) ? [] : [TOO_LONG]
}

const FAILURES: Readonly<Record<Failure, FieldError>> = {
  canceled: CANCELED,
  exists: PASSKEY_EXISTS,
  unsupported: UNSUPPORTED,
  failed: PASSKEY_WRONG,
}

type Refused = Extract<SignedUp, { ok: false }>
type Outcome = (Exclude<SignedUp, Refused> & { signingUp: SigningUp }) | Refused

async function signUp(
  ctx: Context,
  gatehouse: Gatehouse,
  kept: Newcomer,
  values: Sent<'credential'>,
): Promise<Outcome> {
  const { credential } = values
  const presented = presentedBy(ctx, gatehouse, credential, { purpose: 'signup', userId: kept.id })
  if (presented === undefined) return { ok: false, errors: [UNSUPPORTED] }
  const failure = failureIn(credential)
  if (failure !== undefined) return { ok: false, errors: [FAILURES[failure]] }
  const proved = await proveFirst(originOf(ctx, gatehouse), gatehouse, presented)
  if (!proved.ok) return { ok: false, errors: [proved.error] }
  const invitation = await invitationOf(ctx, gatehouse)
  const applicant = { ...applicantIn(gatehouse, sentBy(kept), invitation), id: kept.id, values: kept.values }
  const signingUp = { ...applicant, signupForm: fingerprint(ctx, gatehouse, values, kept.id) }
  const errors = maySignUpByPasskey(ctx, gatehouse, invitation)
    ? await claimErrors(ctx, gatehouse, signingUp)
    : [INVITATION_GONE]
  const outcome = await create(ctx, gatehouse, signingUp, { errors, passkey: proved.passkey })
  if (outcome.ok) return { ...outcome, signingUp }
  await spendFirst(gatehouse, proved.passkey)
  return outcome
}

function sentBy({ name, email }: Newcomer): Sent<string> {
  return { username: name, email: email ?? '', _csrf: '', _once: '' }
}

function create(
  ctx: Context,
  gatehouse: Gatehouse,
  signingUp: SigningUp,
  { errors, passkey }: { errors: FieldError[]; passkey: FirstPasskey },
): Promise<SignedUp> {
  return finishSignUp(ctx, gatehouse, signingUp, {
    errors,
    async create() {
      const account = { ...signingUp, isConfirmed: signingUp.invitation !== undefined }
      const { state } = await registerByPasskey(originOf(ctx, gatehouse), gatehouse, account, passkey)
      if (state === 'spent') return CHALLENGE_OLD
      return state === 'known' ? PASSKEY_WRONG : state
    },
    isSame: async ({ user }) => user.id === signingUp.id,
  })
}

async function refuse(
  ctx: Context,
  gatehouse: Gatehouse,
  form: Form,
  errors: readonly FieldError[],
  values: Sent<'credential'>,
): Promise<void> {
  await gatehouse.pages.refuse(ctx, form, {
    status: errors.includes(CHALLENGE_OLD) ? 403 : 406,
    errors,
    isHint: errors.includes(CANCELED),
    values,
    around: around(ctx, gatehouse, await signalOf(ctx, gatehouse, values)),
  })
}

// Without a signal, the device would offer the refused passkey for ever.
async function signalOf(
  ctx: Context,
  gatehouse: Gatehouse,
  { credential }: Sent<'credential'>,
): Promise<string | undefined> {
  const id = readAttestation(credential)?.id
  if (id === undefined || (await passkeys.byId(gatehouse.database.main, id)) !== undefined) return undefined
  return unknownSignal(ctx, gatehouse, id)
}
