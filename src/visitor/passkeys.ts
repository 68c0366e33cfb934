import { isIP } from 'node:net'
import type { Context } from 'koa'
import { handleOf, type Presented } from '../accounts/passkey-proof.js'
import { MINUTE } from '../base/durations.js'
import type { ChallengeOwner } from '../secrets/challenge.js'
import { ALGORITHMS, type RelyingParty } from '../secrets/webauthn.js'
import * as passkeys from '../tables/passkeys.js'
import type { User } from '../tables/users.js'
import type { Gatehouse } from './gatehouse.js'

/** Returns undefined where browsers offer no passkeys: at an IP address, and without https. */
export function relyingPartyOf(ctx: Context, { offers, passkeys }: Gatehouse): RelyingParty | undefined {
  if (!offers('account/passkeys')) return undefined
  return (passkeys.isLocalToo ? localPartyOf(ctx) : undefined) ?? passkeys.party
}

// Accepts the Host header only for localhost, because anyone can send another one.
function localPartyOf(ctx: Context): RelyingParty | undefined {
  const host = ctx.get('Host')
  return /^localhost(?::\d{1,5})?$/.test(host)
    ? { id: 'localhost', origin: `http://${host}`, otherOrigins: [] }
    : undefined
}

/** Returns undefined where browsers offer no passkeys. `domain`: a parent domain of the host, to share passkeys with its other sites. */
export function partyOf(
  origin: string,
  { domain, otherOrigins }: { domain: string | undefined; otherOrigins: readonly string[] },
): RelyingParty | undefined {
  const { protocol, hostname } = new URL(origin)
  const isSecure = protocol === 'https:' || /(?:^|\.)localhost$/.test(hostname)
  if (!isSecure || isIP(hostname.replace(/^\[|\]$/g, '')) > 0) return undefined
  return { id: domain ?? hostname, origin, otherOrigins }
}

/** Returns the URL at which passkeys work in development, for a visitor who uses an IP address. */
export function localUrlOf(ctx: Context, { passkeys, url }: Gatehouse, page: string): string | undefined {
  const [, port = ''] = /^(?:127\.0\.0\.1|\[::1\])(:\d{1,5})?$/.exec(ctx.get('Host')) ?? []
  return passkeys.isLocalToo && port !== '' ? `http://localhost${port}${url(page)}` : undefined
}

// As WebAuthn recommends (15.1). Only public/passkeys.js reads it.
const TIMEOUT = 5 * MINUTE

/** Like the other ceremonies, returns the JSON for its button, or undefined where there are no passkeys. */
export function loginCeremony(ctx: Context, gatehouse: Gatehouse): string | undefined {
  const party = relyingPartyOf(ctx, gatehouse)
  if (party === undefined) return undefined
  const challenge = challengeFor(ctx, gatehouse, { purpose: 'login', userId: '' })
  return JSON.stringify({
    get: { challenge, rpId: party.id, userVerification: 'preferred', timeout: TIMEOUT },
  })
}

export async function ownCeremony(
  ctx: Context,
  gatehouse: Gatehouse,
  { user, purpose, mustVerify }: { user: User; purpose: 'second' | 'confirm'; mustVerify: boolean },
): Promise<string | undefined> {
  const party = relyingPartyOf(ctx, gatehouse)
  if (party === undefined) return undefined
  const own = (await passkeys.ofUser(gatehouse.database.main, user.id)).filter(
    ({ rpId }) => rpId === party.id,
  )
  if (own.length === 0) return undefined
  const challenge = challengeFor(ctx, gatehouse, { purpose, userId: user.id })
  return JSON.stringify({
    get: {
      challenge,
      rpId: party.id,
      allowCredentials: own.map(descriptorOf),
      userVerification: mustVerify ? 'required' : 'preferred',
      timeout: TIMEOUT,
    },
  })
}

function descriptorOf({ id, transports }: passkeys.Passkey): object {
  return { type: 'public-key', id, transports }
}

export interface Creation {
  purpose: 'create' | 'signup'
  user: Pick<User, 'id' | 'name'>
  own: readonly passkeys.Passkey[]
}

export function creationCeremony(
  ctx: Context,
  gatehouse: Gatehouse,
  { purpose, user, own }: Creation,
): string | undefined {
  const party = relyingPartyOf(ctx, gatehouse)
  if (party === undefined) return undefined
  const create = {
    challenge: challengeFor(ctx, gatehouse, { purpose, userId: user.id }),
    rp: { id: party.id, name: gatehouse.siteName },
    user: { id: handleOf(user), name: user.name, displayName: user.name },
    pubKeyCredParams: ALGORITHMS.map((alg) => ({ type: 'public-key', alg })),
    excludeCredentials: own.map(descriptorOf),
    authenticatorSelection: {
      residentKey: 'required',
      requireResidentKey: true,
      userVerification: 'preferred',
    },
    attestation: 'none',
    timeout: TIMEOUT,
  }
  return JSON.stringify({ create })
}

/**
 * Returns the JSON with which public/passkeys.js tells password managers which passkeys of a user still work. They hide all others, so
 * an empty list is sent only when the user has just removed the last one (WebAuthn 5.1.10).
 */
export function ownSignal(
  ctx: Context,
  gatehouse: Gatehouse,
  { user, own, isEmptied }: { user: User; own: readonly passkeys.Passkey[]; isEmptied: boolean },
): string | undefined {
  const rpId = relyingPartyOf(ctx, gatehouse)?.id
  const allAcceptedCredentialIds = own.filter((passkey) => passkey.rpId === rpId).map(({ id }) => id)
  if (rpId === undefined || (allAcceptedCredentialIds.length === 0 && !isEmptied)) return undefined
  const userId = handleOf(user)
  return JSON.stringify([
    ['signalAllAcceptedCredentials', { rpId, userId, allAcceptedCredentialIds }],
    ['signalCurrentUserDetails', { rpId, userId, name: user.name, displayName: user.name }],
  ])
}

/** The same for a passkey that no user has. Password managers may delete it. */
export function unknownSignal(ctx: Context, gatehouse: Gatehouse, credentialId: string): string {
  const rpId = relyingPartyOf(ctx, gatehouse)?.id
  return JSON.stringify([['signalUnknownCredential', { rpId, credentialId }]])
}

type Purpose = Pick<ChallengeOwner, 'purpose' | 'userId'>

function challengeFor(ctx: Context, { challenges, csrf }: Gatehouse, purpose: Purpose): string {
  return challenges.issue({ ...purpose, browser: csrf.ensureSecret(ctx) })
}

export function presentedBy(
  ctx: Context,
  gatehouse: Gatehouse,
  text: string,
  purpose: Purpose,
): Presented | undefined {
  const party = relyingPartyOf(ctx, gatehouse)
  if (party === undefined) return undefined
  const owner = { ...purpose, browser: gatehouse.csrf.secretOf(ctx) }
  const { userId } = purpose
  return { text, party, userId, expiryOf: (challenge) => gatehouse.challenges.expiryOf(challenge, owner) }
}

export type Failure = 'canceled' | 'exists' | 'unsupported' | 'failed'

/** Reads the error that public/passkeys.js sent instead of a credential, by its name (WebAuthn 5.1.3 and 5.1.4). */
export function failureIn(text: string): Failure | undefined {
  const [, name] = /^error ([A-Za-z]{1,40})$/.exec(text) ?? []
  if (name === undefined) return undefined
  if (name === 'NotAllowedError' || name === 'AbortError') return 'canceled'
  if (name === 'InvalidStateError') return 'exists'
  return name === 'NotSupportedError' || name === 'SecurityError' ? 'unsupported' : 'failed'
}
