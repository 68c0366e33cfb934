import type { Draft } from '../mail/outbox.js'
import { type NewCredential, readAttestation, verifyAttestation } from '../secrets/webauthn.js'
import * as passkeys from '../tables/passkeys.js'
import * as sessions from '../tables/sessions.js'
import * as users from '../tables/users.js'
import type { FieldError } from '../web/form.js'
import { nameFor } from './authenticators.js'
import { endWith, type Outcome } from './consequences.js'
import { orRollBack, withEvent } from './history.js'
import { countedNotice } from './mail-limits.js'
import type { Origin } from './origin.js'
import { CHALLENGE_OLD, PASSKEY_WRONG, type Presented, spendChallenge } from './passkey-proof.js'
import type { OwnSession } from './password.js'
import { isEnough } from './passwordless.js'
import type { Registry } from './registry.js'
import { isLastSecond } from './second-passkeys.js'

const MAX_PASSKEYS = 20

export const PASSKEY_EXISTS: FieldError = {
  code: 'passkey_exists',
  sentence: 'This device already has a passkey for your account.',
}
const TOO_MANY: FieldError = {
  code: 'passkeys_too_many',
  sentence: 'You have {max} passkeys. Remove one that you no longer use, then create a new one.',
  params: { max: MAX_PASSKEYS },
}
const CHANGED: FieldError = {
  code: 'passkey_changed_meanwhile',
  sentence: 'Your account was just changed, in another tab or on another device. No passkey was created.',
}

export type Added = { ok: true; name: string } | { ok: false; error: FieldError }

export async function addPasskey(
  origin: Origin,
  registry: Registry,
  user: users.User,
  { session, ...presented }: Presented & { session: string },
): Promise<Added> {
  const attestation = readAttestation(presented.text)
  if (attestation === undefined) return { ok: false, error: PASSKEY_WRONG }
  const mail = await countedNotice(origin, registry, user, { kind: 'passkey-added', rule: 'passkeyChange' })
  if (!(await spendChallenge(registry, presented, attestation))) return { ok: false, error: CHALLENGE_OLD }
  const created = await verifyAttestation(attestation, presented.party).catch((error: unknown) => {
    registry.log.debug({ id: origin.visit?.requestId(), err: error }, 'passkey refused')
  })
  if (!created) return { ok: false, error: PASSKEY_WRONG }
  return storePasskey(origin, registry, { created, user, session, mail, rpId: presented.party.id })
}

interface Created {
  created: NewCredential
  user: users.User
  session: string
  mail: Draft
  rpId: string
}

async function storePasskey(
  origin: Origin,
  registry: Registry,
  { created, user: { id: userId }, session, mail, rpId }: Created,
): Promise<Added> {
  const { database } = registry
  const own = await passkeys.ofUser(database.main, userId)
  const name = newName(nameFor({ ...created, userAgent: origin.userAgent }), own)
  let error = CHANGED
  const event = { kind: 'passkey_added', userId, about: name || undefined } as const
  const added = await withEvent(origin, registry, event, async (transaction) => {
    error = CHANGED // Also in another try of the transaction.
    const isOpen = await users.lockAccount(transaction, userId)
    if (isOpen === undefined || !(await sessions.lock(transaction, { id: session, userId }))) return undefined
    error = TOO_MANY
    if ((await passkeys.ofUser(transaction, userId)).length >= MAX_PASSKEYS) return undefined
    error = PASSKEY_EXISTS
    const passkey = passkeyOf(created, { userId, name, rpId, now: registry.now() })
    if (!(await passkeys.add(transaction, passkey))) return undefined
    await registry.outbox.post(transaction, { ...mail, facts: { ...mail.facts, passkey: name } })
    return true
  })
  return added ? { ok: true, name } : { ok: false, error }
}

export function passkeyOf(
  { id, publicKey, counter, isBackupEligible, isBackedUp, isVerified, aaguid, transports }: NewCredential,
  { userId, name, rpId, now }: { userId: string; name: string; rpId: string; now: number },
): passkeys.Passkey {
  const kept = {
    id,
    userId,
    publicKey,
    counter: isBackupEligible ? 0 : counter,
    transports,
    aaguid,
    rpId,
    name,
  }
  return { ...kept, isBackupEligible, isBackedUp, wasVerified: isVerified, createdAt: now, usedAt: null }
}

function newName(proposed: string, own: readonly passkeys.Passkey[]): string {
  const names = own.map(({ name }) => name)
  const numbers = own.map((_, index) => (proposed === '' ? `${index + 2}` : `${proposed} ${index + 2}`))
  return [proposed, ...numbers].find((name) => !names.includes(name)) ?? proposed
}

export async function renamePasskey(
  origin: Origin,
  registry: Registry,
  owned: passkeys.Owned,
  name: string,
): Promise<true | undefined> {
  const event = { kind: 'passkey_renamed', userId: owned.userId, about: name || undefined } as const
  return withEvent(
    origin,
    registry,
    event,
    async (transaction) => (await passkeys.setName(transaction, owned, name)) || undefined,
  )
}

export type Removed =
  | ({ state: 'removed' } & Outcome)
  | { state: 'gone' }
  | { state: 'last' }
  | { state: 'second' }

/** The last way into the account stays. */
export async function removePasskey(
  origin: Origin,
  registry: Registry,
  user: users.User,
  { passkey: { id, name }, rpId, session }: { passkey: passkeys.Passkey; rpId: string; session: OwnSession },
): Promise<Removed> {
  const { id: userId } = user
  const mail = await countedNotice(origin, registry, user, { kind: 'passkey-removed', rule: 'passkeyChange' })
  const now = registry.now()
  let state: 'gone' | 'last' | 'second' = 'gone'
  const event = { kind: 'passkey_removed', userId, about: name || undefined } as const
  const removed = await withEvent(origin, registry, event, async (transaction) => {
    const account = await users.lockAccount(transaction, userId)
    const own = await passkeys.ofUser(transaction, userId)
    state = 'last'
    const others = own.filter((passkey) => passkey.id !== id && passkey.rpId === rpId)
    if (account?.passwordHash === '' && !isEnough(registry, account.user, others)) return undefined
    state = 'second'
    if (account && (await isLastSecond(transaction, account, { id, rpId, own }))) return undefined
    state = 'gone'
    if (!(await passkeys.remove(transaction, { id, userId }))) return undefined
    orRollBack(await session.renew(transaction))
    await registry.outbox.post(transaction, { ...mail, facts: { ...mail.facts, passkey: name } })
    return endWith(transaction, 'passkey_removed', { userId, now, session: session.id })
  })
  if (removed !== undefined) return { state: 'removed', ...removed }
  return { state }
}
