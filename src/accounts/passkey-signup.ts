import { hashOf } from '../secrets/token.js'
import {
  type Attestation,
  type NewCredential,
  readAttestation,
  verifyAttestation,
} from '../secrets/webauthn.js'
import * as passkeys from '../tables/passkeys.js'
import * as spent from '../tables/spent-challenges.js'
import type * as users from '../tables/users.js'
import type { FieldError } from '../web/form.js'
import { networkOf } from '../web/network.js'
import { nameFor } from './authenticators.js'
import { eventOf } from './history.js'
import type { Counted } from './limits.js'
import type { Origin } from './origin.js'
import { CHALLENGE_OLD, PASSKEY_WRONG, type Presented, spendChallenge } from './passkey-proof.js'
import { passkeyOf } from './passkeys.js'
import { type NewAccount, register } from './registration.js'
import type { Registry } from './registry.js'
import { countAgainstLimits } from './security-log.js'

export interface FirstPasskey {
  created: NewCredential
  attestation: Attestation
  presented: Presented
  expiresAt: number
}

type Proved = { ok: true; passkey: FirstPasskey } | { ok: false; error: FieldError }

/** If it is right, its challenge is spent later: with the account, or by `spendFirst`. */
export async function proveFirst(origin: Origin, registry: Registry, presented: Presented): Promise<Proved> {
  const attestation = readAttestation(presented.text)
  if (attestation === undefined) return { ok: false, error: PASSKEY_WRONG }
  const expiresAt = presented.expiryOf(attestation.challenge)
  if (expiresAt === undefined) return { ok: false, error: CHALLENGE_OLD }
  // Wrong ones count as sign-ups, because there is no account yet.
  const attempts: Counted[] = [{ rule: 'signupNetwork', of: networkOf(origin.address) }]
  await countAgainstLimits(origin, registry, attempts)
  const created = await verifyAttestation(attestation, presented.party).catch((error: unknown) => {
    registry.log.debug({ id: origin.visit?.requestId(), err: error }, 'passkey refused')
  })
  if (!created) {
    await spendChallenge(registry, presented, attestation)
    return { ok: false, error: PASSKEY_WRONG }
  }
  await registry.limits.giveBack(attempts)
  return { ok: true, passkey: { created, attestation, presented, expiresAt } }
}

export type Registered = { state: 'made'; user: users.User } | { state: 'taken' | 'spent' | 'known' }

export async function registerByPasskey(
  origin: Origin,
  registry: Registry,
  account: Omit<NewAccount, 'password' | 'storeCredential'>,
  { created, attestation, presented, expiresAt }: FirstPasskey,
): Promise<Registered> {
  const name = nameFor({ ...created, userAgent: origin.userAgent })
  const kept = { userId: account.id, name, rpId: presented.party.id, now: registry.now() }
  let state: 'taken' | 'spent' | 'known' = 'taken'
  const user = await register(origin, registry, {
    ...account,
    password: undefined,
    async storeCredential(transaction) {
      state = 'spent'
      if (!(await spent.spend(transaction, { hash: hashOf(attestation.challenge), expiresAt }))) return false
      state = 'known'
      if (!(await passkeys.add(transaction, passkeyOf(created, kept)))) return false
      state = 'taken'
      return true
    },
  })
  if (user === undefined) return { state }
  registry.events.queue(
    eventOf(origin, registry, { kind: 'passkey_added', userId: user.id, about: name || null }),
  )
  return { state: 'made', user }
}

export async function spendFirst(
  registry: Registry,
  { presented, attestation }: FirstPasskey,
): Promise<void> {
  await spendChallenge(registry, presented, attestation)
}
