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
