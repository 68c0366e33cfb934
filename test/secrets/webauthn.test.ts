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
