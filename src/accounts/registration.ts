import { randomUUID } from 'node:crypto'
import { DAY } from '../base/durations.js'
import { isTaken } from '../database/constraints.js'
import * as invitations from '../tables/invitations.js'
import type { Db } from '../tables/schema.js'
import * as users from '../tables/users.js'
import type { FieldError, Values } from '../web/form.js'
import * as fields from './fields.js'
import { orRollBack, withEvent } from './history.js'
import type { Identity } from './hooks.js'
import { afterResponse, factsOfConfirming } from './mail-limits.js'
import type { Origin } from './origin.js'
import type { Registry } from './registry.js'

const UNCONFIRMED_LIFE = 7 * DAY
const UNCONFIRMED_PRIVATE_LIFE = DAY

type Naming = Pick<Registry, 'database' | 'rules' | 'now' | 'hooks'>

export interface Applicant extends users.Claims, users.NameClaims {
  id: string
  name: string
  email: string | null
}

export function applicantOf(
  registry: Pick<Registry, 'rules'>,
  typed: { username: string; email?: string | undefined },
): Applicant {
  const id = randomUUID()
  const name = fields.normalizeName(typed.username)
  return { id, name, ...fields.claimsOf(name), ...addressOf(registry, id, typed.email) }
}

/** An account may be without an address only where the site asks for none. */
export function addressOf(
  { rules }: Pick<Registry, 'rules'>,
  id: string,
  typed = '',
): Pick<Applicant, 'email' | 'emailKey'> {
  const email = fields.normalizeEmail(typed)
  if (email === '' && rules.emails === 'none') return { email: null, emailKey: users.noEmailKey(id) }
  return { email, emailKey: fields.emailKeyOf(email) }
}

export async function signupErrors(
  registry: Naming,
  applicant: Applicant & { password: string | undefined },
  beforeLookup: () => Promise<void> = async () => {},
): Promise<FieldError[]> {
  const { name, email, password } = applicant
  const ofName = fields.check(fields.username, name)
  const ofEmail = email === null ? [] : fields.check(fields.email, email)
  const isLookedUp = ofName.length === 0 || ofEmail.length === 0
  if (isLookedUp) await beforeLookup()
  const inUse = isLookedUp ? await takenClaims(registry, applicant) : []
  const ofHooks = await hookErrors(registry, {
    ...(ofName.length === 0 && { name }),
    ...(email !== null && ofEmail.length === 0 && { email }),
  })
  const asked = fields.newPassword(registry.rules, fields.ownTextsOf(applicant))
  return [
    ...ofName,
    ...(ofName.length === 0 ? inUse.filter(({ field }) => field === 'username') : []),
    ...ofHooks.filter(({ field }) => field === 'username'),
    ...ofEmail,
    ...(ofEmail.length === 0 ? inUse.filter(({ field }) => field === 'email') : []),
    ...ofHooks.filter(({ field }) => field !== 'username'),
    ...(password === undefined ? [] : fields.check(asked, password)),
  ]
}

export async function hookErrors(
  { hooks }: Pick<Registry, 'hooks'>,
  identity: Identity,
): Promise<readonly FieldError[]> {
  if (identity.name === undefined && identity.email === undefined) return []
  return (await hooks.checkIdentity?.(identity)) ?? []
}

async function takenClaims(registry: Naming, applicant: Applicant): Promise<FieldError[]> {
  const { main } = registry.database
  const now = registry.now()
  // With private emails, the number of queries would reveal a free address.
  const taken = registry.rules.privateEmails
    ? { name: await users.isNameTaken(main, applicant, { now }), email: false }
    : await users.taken(main, applicant, now)
  return [...(taken.name ? [fields.USERNAME_TAKEN] : []), ...(taken.email ? [fields.EMAIL_TAKEN] : [])]
}

export async function takenErrors(registry: Naming, applicant: Applicant): Promise<FieldError[]> {
  const inUse = await takenClaims(registry, applicant)
  return inUse.length > 0 ? inUse : [fields.USERNAME_TAKEN]
}

// With private emails, only a confirmed address is claimed, so that no conflict reveals an account.
export function claimOf({ rules, now }: Naming, { id, emailKey }: Applicant) {
  if (rules.confirmation === 'optional') return { emailKey, confirmBy: null }
  // In a grace period accounts are used, so they are not deleted without notice.
  if (rules.confirmationGrace > 0) return { emailKey, confirmBy: null }
  if (!rules.privateEmails) return { emailKey, confirmBy: now() + UNCONFIRMED_LIFE }
  return { emailKey: users.unclaimedKey(id), confirmBy: now() + UNCONFIRMED_PRIVATE_LIFE }
}

export interface NewAccount extends Applicant {
  password: string | undefined
  /** Stores a credential instead of the password. Returns false if it cannot be used. */
  storeCredential?: (transaction: Db) => Promise<boolean>
  isConfirmed?: boolean
  invitation?: string | undefined
  signupForm?: string
  values?: Values
}

export async function register(
  origin: Origin,
  registry: Registry,
  account: NewAccount,
): Promise<users.User | undefined> {
  const { id, email, emailKey, password, isConfirmed = false, signupForm = '', invitation, values } = account
  const { storeCredential } = account
  const { language } = origin
  const passwordHash =
    password === undefined ? '' : await registry.passwords.hash(password, origin.visit?.throwIfDisconnected)
  const now = registry.now()
  const claim = claimOf(registry, account)
  const user = {
    ...account,
    ...claim,
    passwordHash,
    signupForm,
    createdAt: now,
    ...(language && { language }),
  }
  return withEvent(origin, registry, { kind: 'signed_up', userId: id }, async (transaction) => {
    if (invitation !== undefined) orRollBack(await invitations.use(transaction, invitation, now))
    const made = await users.create(transaction, user)
    orRollBack(made !== undefined)
    if (values !== undefined) await registry.hooks.duringSignup?.(transaction, { user: made, values })
    if (isConfirmed && email !== null) await users.confirmEmail(transaction, id, { email, emailKey, now })
    if (storeCredential !== undefined) orRollBack(await storeCredential(transaction))
    if (password === undefined && storeCredential === undefined)
      await registry.outbox.post(transaction, { kind: 'password-reset', userId: id })
    else if (!isConfirmed) await askToConfirm(transaction, origin, registry, made)
    return made
  }).catch((error: unknown) => {
    // Only an address that is confirmed at once can be taken here. Other violations are of the app's rows.
    if (isConfirmed && isTaken(error)) return undefined
    throw error
  })
}

/** For operators and the app, who may learn which email addresses are in use. */
export async function create(
  origin: Origin,
  registry: Registry,
  candidate: NewAccount,
): Promise<{ ok: true; user: users.User } | { ok: false; errors: FieldError[] }> {
  const open = { ...registry, rules: { ...registry.rules, privateEmails: false } }
  const errors = await signupErrors(open, candidate)
  if (errors.length > 0) return { ok: false, errors }
  const user = await register(origin, registry, candidate)
  return user === undefined ? { ok: false, errors: await takenErrors(open, candidate) } : { ok: true, user }
}

async function askToConfirm(
  transaction: Db,
  origin: Origin,
  registry: Registry,
  user: users.User,
): Promise<void> {
  if (!registry.offers('email/confirm')) return
  const facts = factsOfConfirming(origin, registry, user)
  const draft = { kind: 'email-confirm', userId: user.id, facts, ...afterResponse(origin, registry) } as const
  await registry.outbox.post(transaction, draft)
}
