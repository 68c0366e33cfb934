import { z } from 'zod/v3'
import { once } from '../base/once.js'

// Loaded on first use: it takes 230 ms and 25 MB.
const library = once(() => import('@simplewebauthn/server'))

// Ed25519, ECDSA P-256 and RSA. Newer versions of Node.js offer more, which older ones cannot verify.
export const ALGORITHMS = [-8, -7, -257]

export interface RelyingParty {
  id: string
  origin: string
  otherOrigins: readonly string[]
}

// Measured: 1.3 KB to create one, 0.75 KB to use one. Attestations of RSA keys are longer.
const MAX_LENGTH = 16_384
// Base64url of 1023 bytes (WebAuthn 4, "Credential ID").
const MAX_ID = 1_364
const MAX_TRANSPORTS = 10

const base64url = z.string().regex(/^[A-Za-z0-9_-]+$/)
const common = { id: base64url.max(MAX_ID), rawId: base64url.max(MAX_ID), type: z.literal('public-key') }
const client = { clientDataJSON: base64url }

const ASSERTION = z.object({
  ...common,
  response: z.object({
    ...client,
    authenticatorData: base64url,
    signature: base64url,
    userHandle: base64url.nullish(),
  }),
})

const ATTESTATION = z.object({
  ...common,
  response: z.object({
    ...client,
    attestationObject: base64url,
    transports: z
      .array(z.enum(['ble', 'cable', 'hybrid', 'internal', 'nfc', 'smart-card', 'usb']).catch('hybrid'))
      .max(MAX_TRANSPORTS)
      .default([]),
  }),
})

const CLIENT_DATA = z.object({
  challenge: base64url,
  crossOrigin: z.literal(false).optional(),
  topOrigin: z.undefined(),
})

export type Assertion = z.infer<typeof ASSERTION> & { challenge: string }

export type Attestation = z.infer<typeof ATTESTATION> & { challenge: string }

export function readAssertion(text: string): Assertion | undefined {
  return parseCredential(ASSERTION, text)
}

export function readAttestation(text: string): Attestation | undefined {
  return parseCredential(ATTESTATION, text)
}

// The library accepts `crossOrigin` without `topOrigin`. Gatehouse is never framed.
function parseCredential<Read extends { response: { clientDataJSON: string } }>(
  schema: z.ZodType<Read, z.ZodTypeDef, unknown>,
  text: string,
): (Read & { challenge: string }) | undefined {
  if (text.length > MAX_LENGTH) return undefined
  const credential = schema.safeParse(parseJson(text)).data
  if (credential === undefined) return undefined
  const clientData = Buffer.from(credential.response.clientDataJSON, 'base64url').toString()
  const { data } = CLIENT_DATA.safeParse(parseJson(clientData))
  return data && { ...credential, challenge: data.challenge }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

export interface NewCredential {
  id: string
  publicKey: string
  counter: number
  isBackupEligible: boolean
  isBackedUp: boolean
  isVerified: boolean
  aaguid: string
  transports: readonly string[]
}

export async function verifyAttestation(
  { challenge, response, ...credential }: Attestation,
  party: RelyingParty,
): Promise<NewCredential> {
  const { verifyRegistrationResponse } = await library()
  const { registrationInfo } = await verifyRegistrationResponse({
    response: { ...credential, response, clientExtensionResults: {} },
    expectedChallenge: challenge,
    expectedOrigin: [party.origin, ...party.otherOrigins],
    expectedRPID: party.id,
    requireUserVerification: false,
    supportedAlgorithmIDs: ALGORITHMS,
  })
  if (registrationInfo === undefined) throw new Error('The attestation is wrong.')
  const { credential: created, credentialDeviceType } = registrationInfo
  if (created.id !== credential.id) throw new Error('The credential has another id.')
  return {
    id: created.id,
    publicKey: Buffer.from(created.publicKey).toString('base64url'),
    counter: created.counter,
    isBackupEligible: credentialDeviceType === 'multiDevice',
    isBackedUp: registrationInfo.credentialBackedUp,
    isVerified: registrationInfo.userVerified,
    aaguid: registrationInfo.aaguid,
    transports: response.transports,
  }
}

export interface Verified {
  counter: number
  isBackedUp: boolean
  isVerified: boolean
}

/** Throws if verification fails. The caller checks the owner and the counter. */
export async function verifyAssertion(
  { challenge, response, ...credential }: Assertion,
  party: RelyingParty,
  { publicKey }: { publicKey: string },
): Promise<Verified> {
  const { verifyAuthenticationResponse } = await library()
  const { userHandle, ...signed } = response
  const { verified, authenticationInfo } = await verifyAuthenticationResponse({
    response: { ...credential, response: signed, clientExtensionResults: {} },
    expectedChallenge: challenge,
    expectedOrigin: [party.origin, ...party.otherOrigins],
    expectedRPID: party.id,
    requireUserVerification: false,
    // 0 switches off the library's check.
    credential: {
      id: credential.id,
      publicKey: new Uint8Array(Buffer.from(publicKey, 'base64url')),
      counter: 0,
    },
  })
  if (!verified) throw new Error('The signature is wrong.')
  return {
    counter: authenticationInfo.newCounter,
    isBackedUp: authenticationInfo.credentialBackedUp,
    isVerified: authenticationInfo.userVerified,
  }
}
