import { hashOf } from '../secrets/token.js'
import {
  type Assertion,
  type RelyingParty,
  readAssertion,
  type Verified,
  verifyAssertion,
} from '../secrets/webauthn.js'
import * as passkeys from '../tables/passkeys.js'
import * as spent from '../tables/spent-challenges.js'
import * as users from '../tables/users.js'
import type { FieldError } from '../web/form.js'
import { networkOf } from '../web/network.js'
import { counting, DISABLED } from './authentication.js'
import { eventOf } from './history.js'
import type { Counted } from './limits.js'
import type { Method, Proof } from './login-methods.js'
import { circumstancesOf, type Origin } from './origin.js'
import type { Registry } from './registry.js'
import { cancelingLost } from './second-step.js'
import { countAgainstLimits, logSecurity } from './security-log.js'

export interface Presented {
  text: string
  party: RelyingParty
  /** Whose passkey it must be; '' if the user is not known yet. */
  userId: string
  expiryOf(challenge: string): number | undefined
}

export interface PasskeyProof extends Proof {
  methods: readonly Method[]
}

export type PasskeyOutcome =
  | { ok: true; account: users.Account; proof: PasskeyProof }
  /** `unknown` is the id of a passkey that no user has. */
  | { ok: false; error: FieldError; unknown?: string }

export const PASSKEY_WRONG: FieldError = {
  code: 'passkey_wrong',
  sentence: 'The passkey did not work. Try again, or use another way.',
}
const PASSKEY_UNKNOWN: FieldError = {
  code: 'passkey_unknown',
  sentence: 'This site does not know this passkey, or it was removed. Log in another way.',
}
export const CHALLENGE_OLD: FieldError = {
  code: 'passkey_page_too_old',
  sentence: 'This page was open for too long, or was already used. Nothing is lost: press the button again.',
}

export function authenticateByPasskey(
  origin: Origin,
  registry: Registry,
  presented: Presented,
): Promise<PasskeyOutcome> {
  return counting(registry, async () => {
    const outcome = await provePasskey(origin, registry, presented)
    if (!outcome.ok || outcome.account.disabledAt === null) return outcome
    logSecurity(origin, registry, {
      event: 'login_failed',
      reason: 'account_disabled',
      user: outcome.account.user.id,
    })
    return { ok: false, error: DISABLED }
  })
}

// The cheapest check first: length and shape, limit, challenge, signature.
export async function provePasskey(
  origin: Origin,
  registry: Registry,
  presented: Presented,
): Promise<PasskeyOutcome> {
  const assertion = readAssertion(presented.text)
  if (assertion === undefined) return { ok: false, error: PASSKEY_WRONG }
  const found = await ownerOf(registry, assertion)
  const attempts = passkeyAttempts(origin, found?.account)
  await countAgainstLimits(origin, registry, attempts)
  const outcome = await checkPasskey(origin, registry, { presented, assertion, found }).catch(
    async (error: unknown) => {
      await registry.limits.giveBack(attempts).catch(() => {})
      throw error
    },
  )
  if (outcome.ok) await refundPasskey(registry, attempts)
  return outcome
}

interface Found {
  passkey: passkeys.Passkey
  account: users.Account
}

async function ownerOf({ database: { main } }: Registry, { id }: Assertion): Promise<Found | undefined> {
  const passkey = await passkeys.byId(main, id)
  const account = passkey && (await users.byId(main, passkey.userId))
  return passkey && account && { passkey, account }
}

// No name is typed, so none is counted.
function passkeyAttempts(origin: Origin, account: users.Account | undefined): Counted[] {
  const device = origin.visit?.deviceOf(account)
  if (account === undefined || device === undefined) {
    return [{ rule: 'loginNetwork', of: networkOf(origin.address) }]
  }
  return [{ rule: 'loginDevice', of: `${account.user.id} ${device}` }]
}

// Not reset: a passkey says nothing about passwords tried on the device.
async function refundPasskey({ limits, log }: Registry, attempts: readonly Counted[]): Promise<void> {
  await limits
    .giveBack(attempts)
    .catch((error: unknown) => log.warn({ err: error }, 'could not reset login attempts'))
}

interface Judged {
  presented: Presented
  assertion: Assertion
  found: Found | undefined
}

async function checkPasskey(
  origin: Origin,
  registry: Registry,
  { presented, assertion, found }: Judged,
): Promise<PasskeyOutcome> {
  const refuse = (error: FieldError, reason: string) => {
    const user = found?.account.user.id
    logSecurity(origin, registry, { event: 'login_failed', reason, ...(user !== undefined && { user }) })
    return { ok: false as const, error }
  }
  if (!(await spendChallenge(registry, presented, assertion))) return refuse(CHALLENGE_OLD, 'challenge_old')
  if (found === undefined) return { ...refuse(PASSKEY_UNKNOWN, 'passkey_unknown'), unknown: assertion.id }
  const { passkey, account } = found
  if (!isOwner(account, presented, assertion)) return refuse(PASSKEY_WRONG, 'passkey_wrong')
  const verified = await verifyAssertion(assertion, presented.party, passkey).catch((error: unknown) => {
    registry.log.debug({ id: origin.visit?.requestId(), err: error }, 'passkey refused')
  })
  if (!verified) return refuse(PASSKEY_WRONG, 'passkey_wrong')
  if (isCopied(passkey, verified)) {
    await noteCopy(origin, registry, found)
    return refuse(PASSKEY_WRONG, 'passkey_copied')
  }
  return { ok: true, account, proof: proofOf(origin, registry, found, verified) }
}

// Devices may omit the handle if the page named the passkeys (WebAuthn 6.3.3).
function isOwner({ user }: users.Account, { userId }: Presented, { response }: Assertion): boolean {
  if (userId !== '' && user.id !== userId) return false
  return (response.userHandle ?? (userId === '' ? '' : handleOf(user))) === handleOf(user)
}

/** Returns false unless it is this browser's and presented for the first time. */
export async function spendChallenge(
  { database }: Pick<Registry, 'database'>,
  { expiryOf }: Presented,
  { challenge }: { challenge: string },
): Promise<boolean> {
  const expiresAt = expiryOf(challenge)
  if (expiresAt === undefined) return false
  return database.write((transaction) => spent.spend(transaction, { hash: hashOf(challenge), expiresAt }))
}

/** The WebAuthn user handle: random, not personal data (WebAuthn 14.6.1). */
export function handleOf({ id }: { id: string }): string {
  return Buffer.from(id).toString('base64url')
}

// Each device counts for itself, so the counter of a synced passkey says nothing (WebAuthn 6.1.1).
function isCopied({ isBackupEligible, counter }: passkeys.Passkey, verified: Verified): boolean {
  return !isBackupEligible && verified.counter <= counter && (verified.counter > 0 || counter > 0)
}

async function noteCopy(
  origin: Origin,
  registry: Registry,
  { passkey, account: { user } }: Found,
): Promise<void> {
  const { name } = passkey
  registry.events.queue(
    eventOf(origin, registry, { kind: 'passkey_copied', userId: user.id, about: name || null }),
  )
  const facts = { to: user.email, passkey: name, ...circumstancesOf(origin, registry) }
  await registry.database.write((transaction) =>
    registry.outbox.post(transaction, { kind: 'passkey-copied', userId: user.id, facts }),
  )
}

function proofOf(
  origin: Origin,
  registry: Registry,
  { passkey: { id, isBackupEligible }, account: { user } }: Found,
  { isBackedUp, isVerified, counter: counted }: Verified,
): PasskeyProof {
  const counter = isBackupEligible ? 0 : counted
  const proof: PasskeyProof = {
    methods: isVerified ? ['passkey', 'verified'] : ['passkey'],
    spend: (transaction) => passkeys.use(transaction, { id, counter, isBackedUp, now: registry.now() }),
    report() {},
  }
  return isVerified && user.secondStepAt !== null ? cancelingLost(origin, registry, user, proof) : proof
}
