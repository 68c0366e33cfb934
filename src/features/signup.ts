import { randomUUID } from 'node:crypto'
import type Router from '@koa/router'
import type { Context } from 'koa'
import { checkPassword } from '../authentication.js'
import { recorded } from '../events.js'
import * as fields from '../fields.js'
import { requireAnonymous } from '../guards.js'
import type { House } from '../house.js'
import * as users from '../tables/users.js'
import type { Broken, Form } from '../web/form.js'
import { leaving } from '../web/leaving.js'
import { networkOf } from '../web/network.js'
import { fingerprint, onSubmit, type Sent } from '../web/submit.js'

export const name = 'signup'

type FieldName = 'username' | 'email' | 'password' | 'repassword'

const form: Form<FieldName> = {
  name,
  fields: ['username', 'email', 'password', 'repassword'],
  secret: ['password', 'repassword'],
}

const SIGNED_UP = { code: 'signed_up', sentence: 'Your account {name} is ready.' }
const LOG_IN = { code: 'log_in', sentence: 'Log in' }
const GO_ON = { code: 'signed_up_go_on', sentence: 'Go on without logging in' }

export function routes(router: Router, house: House): void {
  router.get('/signup/', requireAnonymous, (ctx) => house.pages.form(ctx, form))

  router.post(
    '/signup/verify/',
    onSubmit(form, house, async (ctx, values) => {
      const applicant = applicantOf(ctx, values)
      const errors = await signUp(ctx, house, applicant)
      if (errors.length > 0) return await house.pages.refuse(ctx, form, { errors, values })
      await house.pages.accept(ctx, form, {
        notice: {
          message: { ...SIGNED_UP, params: { name: applicant.name } },
          link: { href: `${house.url('login')}?${query(applicant)}`, message: LOG_IN },
        },
        to: house.places.afterSignup,
        onward: GO_ON,
        values,
      })
    }),
  )
}

/** Somebody who wants an account, in the form in which it would be stored. */
interface Applicant extends users.Claims {
  name: string
  email: string
  password: string
  repassword: string
  signupForm: string
}

function applicantOf(ctx: Context, values: Sent<FieldName>): Applicant {
  const name = fields.normalizeName(values.username)
  const email = fields.normalizeEmail(values.email)
  return {
    name,
    nameKey: fields.fold(name),
    slug: fields.slugOf(name),
    email,
    emailKey: fields.fold(email),
    password: values.password,
    repassword: values.repassword,
    // Without the password, which is left to its slow hash.
    signupForm: fingerprint(ctx, values, name, email),
  }
}

/** Creates the account, or answers everything that is wrong. A form that arrives twice gets its first answer again. */
async function signUp(ctx: Context, house: House, applicant: Applicant): Promise<Broken[]> {
  const errors = await objections(house, applicant)
  if (errors.length === 0 && (await createCounted(ctx, house, applicant))) return []
  if (errors.length === 0) errors.push(...(await lostRace(house, applicant)))
  return (await isRepeated(ctx, house, applicant, errors)) ? [] : errors
}

/** Every rule that is broken, in the order of the fields. */
async function objections(house: House, applicant: Applicant): Promise<Broken[]> {
  const { name, email, password, repassword } = applicant
  const { passwordMinLength } = house.rules
  const inUse = await takenClaims(house, applicant)
  const ofName = fields.check(fields.username, name)
  const ofEmail = fields.check(fields.email, email)
  return [
    ...ofName,
    ...(ofName.length === 0 ? inUse.filter(({ field }) => field === 'username') : []),
    ...ofEmail,
    ...(ofEmail.length === 0 ? inUse.filter(({ field }) => field === 'email') : []),
    ...fields.check(fields.newPassword({ minLength: passwordMinLength, own: [name, email] }), password),
    ...fields.check(fields.repeated(password), repassword),
  ]
}

async function takenClaims(house: House, applicant: Applicant): Promise<Broken[]> {
  const taken = await users.taken(house.database.main, applicant)
  return [...(taken.name ? [fields.USERNAME_TAKEN] : []), ...(taken.email ? [fields.EMAIL_TAKEN] : [])]
}

/** Creates the account if its network may have another one; only what was created counts. */
async function createCounted(ctx: Context, house: House, applicant: Applicant): Promise<boolean> {
  house.passwords.refuseWhenFull()
  const counted = [{ rule: 'signupNetwork', of: networkOf(house.address(ctx)) }] as const
  await house.limits.take(counted)
  let created = false
  try {
    created = await create(ctx, house, applicant)
    return created
  } finally {
    if (!created) await house.limits.giveBack(counted)
  }
}

async function create(ctx: Context, house: House, applicant: Applicant): Promise<boolean> {
  const passwordHash = await house.passwords.hash(applicant.password, leaving(ctx))
  const user = { ...applicant, id: randomUUID(), passwordHash, createdAt: house.now() }
  return recorded(ctx, house, { kind: 'signed_up', userId: user.id }, (event) =>
    users.create(house.database, user, { event }),
  )
}

/** Somebody else was faster between the check and the insert. */
async function lostRace(house: House, applicant: Applicant): Promise<Broken[]> {
  const inUse = await takenClaims(house, applicant)
  return inUse.length > 0 ? inUse : [fields.USERNAME_TAKEN]
}

const TAKEN: readonly string[] = [fields.USERNAME_TAKEN.code, fields.EMAIL_TAKEN.code]

// Not for another visitor, nor for another password: who does not know it learns nothing that the page would not say.
async function isRepeated(
  ctx: Context,
  house: House,
  { nameKey, signupForm, password }: Applicant,
  errors: readonly Broken[],
): Promise<boolean> {
  if (!errors.every(({ code }) => TAKEN.includes(code))) return false
  const account = await users.byNameKey(house.database.main, nameKey)
  if (account?.signupForm !== signupForm) return false
  return checkPassword(ctx, house, { name: nameKey, account, password, failure: 'password_failed' })
}

function query({ name }: Applicant): URLSearchParams {
  return new URLSearchParams({ username: name })
}
