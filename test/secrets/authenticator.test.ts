import { createHmac } from 'node:crypto'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { appUri, newAppSecret, stepOf } from '../../src/secrets/authenticator.js'
import { qrOf } from '../../src/views/qr.js'

const test = suite('authenticator')

const PERIOD = 30_000
// RFC 6238, appendix B: the secret "12345678901234567890" as base32, and the last six digits of its SHA-1 codes.
const SECRET = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ'
const VECTORS: readonly [seconds: number, code: string][] = [
  [59, '287082'],
  [1111111109, '081804'],
  [1111111111, '050471'],
  [1234567890, '005924'],
  [2000000000, '279037'],
  [20000000000, '353130'],
]

/** Returns the code of RFC 4226 and RFC 6238, computed without the library. */
function codeOf(step: number): string {
  const counter = Buffer.alloc(8)
  counter.writeBigUInt64BE(BigInt(step))
  const mac = createHmac('sha1', '12345678901234567890').update(counter).digest()
  const number = mac.readUInt32BE((mac.at(-1) ?? 0) & 15) & 0x7fffffff
  return String(number % 1_000_000).padStart(6, '0')
}

for (const [seconds, code] of VECTORS) {
  test(`RFC 6238’s code at ${seconds} s is right, also one step early or late`, async () => {
    const step = Math.floor(seconds / 30)
    assert.is(codeOf(step), code)
    for (const late of [-1, 0, 1].filter((late) => step + late > 0)) {
      const now = (step + late) * PERIOD
      assert.is(await stepOf({ secret: SECRET, code, lastStep: 0, now }), step)
    }
    for (const late of [-2, 2].filter((late) => step + late > 0)) {
      assert.is(await stepOf({ secret: SECRET, code, lastStep: 0, now: (step + late) * PERIOD }), undefined)
    }
  })
}

// Recorded from oathtool 2.6.7 (OATH Toolkit): oathtool --totp -b JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP -N @59
const OF_OATHTOOL: readonly [seconds: number, code: string][] = [
  [59, '503347'],
  [1700000000, '406058'],
  [1795000000, '483712'],
  [4102444800, '834481'],
]

test('the codes of an independent generator are accepted', async () => {
  const secret = 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP'
  for (const [seconds, code] of OF_OATHTOOL) {
    const now = seconds * 1000
    assert.is(await stepOf({ secret, code, lastStep: 0, now }), Math.floor(seconds / 30))
  }
})

test('used steps and earlier ones are refused', async () => {
  const step = 1000
  const given = { secret: SECRET, code: codeOf(step), now: step * PERIOD }
  assert.is(await stepOf({ ...given, lastStep: step - 1 }), step)
  assert.is(await stepOf({ ...given, lastStep: step }), undefined)
  assert.is(await stepOf({ ...given, lastStep: step + 1 }), undefined)
})

/** The first step that has the same digits as the next one. */
const COLLISION = 910_737

test('two steps with the same digits can each be used once', async () => {
  const step = COLLISION
  const code = codeOf(step)
  assert.is(codeOf(step + 1), code)
  const tried = (at: number, lastStep: number) => stepOf({ secret: SECRET, code, lastStep, now: at * PERIOD })
  assert.is(await tried(step, 0), step)
  assert.is(await tried(step, step), undefined)
  assert.is(await tried(step + 1, step), step + 1)
  assert.is(await tried(step + 1, step + 1), undefined)
  assert.is(await tried(step + 2, step + 1), undefined)
  assert.is(await tried(step + 1, 0), step + 1)
})

test('a secret has 160 bits', async () => {
  assert.match(await newAppSecret(), /^[A-Z2-7]{32}$/)
})

test('the URI for apps has no colon in the names of site and user', () => {
  assert.is(
    appUri({ site: 'Our: site', name: 'Anna & Bela', secret: 'ABC' }),
    'otpauth://totp/Our%20site:Anna%20%26%20Bela?secret=ABC&issuer=Our%20site',
  )
})

test('the longest names fit into a QR code', async () => {
  const uri = appUri({
    site: '\u4e2d'.repeat(130),
    name: '\u{20000}'.repeat(25),
    secret: await newAppSecret(),
  })
  assert.ok((await qrOf(uri)).size > 0)
})

test.run()
