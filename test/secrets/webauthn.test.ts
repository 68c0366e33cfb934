import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto'
import * as cheerio from 'cheerio'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  type Assertion,
  readAssertion,
  readAttestation,
  verifyAssertion,
  verifyAttestation,
} from '../../src/secrets/webauthn.js'
import { Device } from '../support/passkey.js'
import { VECTORS, type Vector } from './webauthn-vectors.js'

const test = suite('webauthn')
const PARTY = { id: 'localhost', origin: 'http://localhost:3000', otherOrigins: [] }
const OPTIONS = {
  create: { challenge: 'AAAA', rp: { id: PARTY.id }, user: { id: 'AAAB' } },
  get: { challenge: 'AAAA', rpId: PARTY.id },
}
const page = { $: cheerio.load(`<button data-passkey='${JSON.stringify(OPTIONS)}'>`) }

async function created(device: Device): Promise<{ publicKey: string }> {
  const attestation = readAttestation(device.create(page, PARTY))
  assert.ok(attestation)
  return verifyAttestation(attestation, PARTY)
}

test('a right assertion says whether the device has checked its user', async () => {
  const device = new Device()
  const key = await created(device)
  for (const isVerified of [true, false]) {
    const assertion = readAssertion(device.use(page, { ...PARTY, isVerified, counter: 7 }))
    assert.ok(assertion)
    const verified = await verifyAssertion(assertion, PARTY, key)
    assert.equal(verified, { counter: 7, isBackedUp: false, isVerified })
  }
})

/** Reads the two numbers of a stored ES256 key, without the library (RFC 9053 7.1.1). */
function keyOf(publicKey: string): KeyObject {
  const bytes = Buffer.from(publicKey, 'base64url')
  const [x, y] = ['215820', '225820'].map((label) => {
    const at = bytes.indexOf(Buffer.from(label, 'hex')) + 3
    return bytes.subarray(at, at + 32).toString('base64url')
  })
  return createPublicKey({ format: 'jwk', key: { kty: 'EC', crv: 'P-256', x: x ?? '', y: y ?? '' } })
}

test('a stored key verifies a recorded assertion without the library, too', async () => {
  const device = new Device()
  const { publicKey } = await created(device)
  const recorded = readAssertion(device.use(page, { ...PARTY, counter: 7 }))
  assert.ok(recorded)
  const [clientData, authenticatorData, signature] = [
    recorded.response.clientDataJSON,
    recorded.response.authenticatorData,
    recorded.response.signature,
  ].map((text) => Buffer.from(text, 'base64url'))
  assert.ok(clientData && authenticatorData && signature)
  const signed = (client: Buffer) =>
    Buffer.concat([authenticatorData, createHash('sha256').update(client).digest()])
  assert.ok(verify('sha256', signed(clientData), keyOf(publicKey), signature))
  const other = Buffer.from(`${clientData} `)
  assert.not.ok(verify('sha256', signed(other), keyOf(publicKey), signature))
  assert.not.ok(
    verify('sha256', signed(clientData), keyOf((await created(new Device())).publicKey), signature),
  )
})

const SPECIFICATION = { id: 'example.org', origin: 'https://example.org', otherOrigins: [] }

function attestationOf({ id, registration }: Vector) {
  return readAttestation(JSON.stringify({ id, rawId: id, type: 'public-key', response: registration }))
}

function assertionOf({ id, authentication }: Vector) {
  return readAssertion(JSON.stringify({ id, rawId: id, type: 'public-key', response: authentication }))
}

/** Reads a stored key from its labels alone (RFC 8152 13.1.1 and 13.2, RFC 8230 4). */
function readKey(algorithm: Vector['algorithm'], publicKey: string): KeyObject {
  if (algorithm === 'ES256') return keyOf(publicKey)
  const bytes = Buffer.from(publicKey, 'base64url')
  const after = (label: string) => bytes.subarray(bytes.indexOf(Buffer.from(label, 'hex')) + label.length / 2)
  if (algorithm === 'EdDSA') {
    const x = after('215820').subarray(0, 32).toString('base64url')
    return createPublicKey({ format: 'jwk', key: { kty: 'OKP', crv: 'Ed25519', x } })
  }
  const long = after('2059')
  const n = long.subarray(2, 2 + long.readUInt16BE(0)).toString('base64url')
  const e = after('2143').subarray(0, 3).toString('base64url')
  return createPublicKey({ format: 'jwk', key: { kty: 'RSA', n, e } })
}

const GOOD = [
  ['none-es256', { isBackedUp: true, isVerified: false }],
  ['packed-self-es256', { isBackedUp: false, isVerified: false }],
  ['none-es256-long-credential-id', { isBackedUp: false, isVerified: true }],
  ['packed-es256', { isBackedUp: false, isVerified: true }],
  ['packed-rs256', { isBackedUp: true, isVerified: false }],
  ['packed-eddsa', { isBackedUp: false, isVerified: false }],
] as const

for (const [name, flags] of GOOD) {
  test(`the specification's ${name} is right, by the library and without it`, async () => {
    const vector: Vector = VECTORS[name]
    const [attestation, assertion] = [attestationOf(vector), assertionOf(vector)]
    assert.ok(attestation && assertion)
    const stored = await verifyAttestation(attestation, SPECIFICATION)
    assert.is(stored.id, vector.id)
    assert.equal(await verifyAssertion(assertion, SPECIFICATION, stored), { counter: 0, ...flags })

    const key = readKey(vector.algorithm, stored.publicKey)
    const isSigned = ({ clientDataJSON, authenticatorData, signature }: Vector['authentication']) => {
      const hash = createHash('sha256').update(Buffer.from(clientDataJSON, 'base64url')).digest()
      const signed = Buffer.concat([Buffer.from(authenticatorData, 'base64url'), hash])
      // Ed25519 hashes by itself.
      const digest = vector.algorithm === 'EdDSA' ? undefined : 'sha256'
      return verify(digest, signed, key, Buffer.from(signature, 'base64url'))
    }
    assert.ok(isSigned(vector.authentication))
    const { clientDataJSON } = vector.registration
    assert.not.ok(isSigned({ ...vector.authentication, clientDataJSON }))
    const other = { ...assertion, response: { ...assertion.response, clientDataJSON } }
    assert.is(await verifyAssertion(other, SPECIFICATION, stored).catch(() => 'refused'), 'refused')
  })
}

test('the specification’s responses from a frame, and of another algorithm, are refused', async () => {
  for (const name of ['none-es256-crossOrigin', 'none-es256-topOrigin'] as const) {
    assert.is(attestationOf(VECTORS[name]), undefined)
    assert.is(assertionOf(VECTORS[name]), undefined)
  }
  const other = attestationOf(VECTORS['packed-es384'])
  assert.ok(other)
  const refused = await verifyAttestation(other, SPECIFICATION).catch((error: unknown) => String(error))
  assert.match(String(refused), 'Unexpected public key alg')
})

/** What a verified assertion vouches for. */
function signedIn({ response: { clientDataJSON, authenticatorData } }: Assertion): string[] {
  return [clientDataJSON, authenticatorData].map((text) => Buffer.from(text, 'base64url').toString('hex'))
}

test('of 10,000 changed assertions none is right, unless it means the same', async () => {
  const device = new Device()
  const key = await created(device)
  const right = device.use(page, PARTY)
  const original = readAssertion(right)
  assert.ok(original)
  let refused = 0
  for (let time = 0; time < 10_000; time++) {
    const bytes = Buffer.from(right)
    const at = (time * 7919) % bytes.length
    bytes[at] = (bytes[at] ?? 0) ^ (1 << (time % 8))
    const changed = readAssertion(bytes.toString('latin1'))
    const verified = changed && (await verifyAssertion(changed, PARTY, key).catch(() => undefined))
    if (changed === undefined || verified === undefined) refused++
    else assert.equal(signedIn(changed), signedIn(original))
  }
  assert.ok(refused > 7_000, `${refused} refused`)
})

test('of 2,000 changed attestations none breaks more than itself', async () => {
  const right = new Device().create(page, PARTY)
  for (let time = 0; time < 2_000; time++) {
    const bytes = Buffer.from(right)
    const at = (time * 7919) % bytes.length
    bytes[at] = (bytes[at] ?? 0) ^ (1 << (time % 8))
    const changed = readAttestation(bytes.toString('latin1'))
    if (changed === undefined) continue
    const outcome = await verifyAttestation(changed, PARTY).catch((error: unknown) => error)
    assert.ok(
      outcome instanceof Error || (typeof outcome === 'object' && outcome !== null && 'publicKey' in outcome),
    )
  }
})

test.run()
